/*
 * Known cards. total: what nvmlDeviceGetMemoryInfo reports, in MiB as nvidia-smi prints it; cards
 * with ECC (t4, a10, l4, l40s) lose a sixteenth of their memory to it. reserved: the "Reserved"
 * line of nvidia-smi -q on idle headless machines with drivers 535 to 580, where reports were found
 * (T4, L4, L40S, A10, A100, H100, H200, RTX 3070, 3090, 4060, 4090); it varies by a third between
 * drivers. The others are interpolated by size within their generation.
 *
 * context: what a first CUDA context with lazily loaded kernels takes. Frameworks report 200 to 520
 * MB, growing with the number of multiprocessors, as local memory and stacks are set aside for
 * each. These are estimates that no measurement here confirmed; the governor learns the truth from
 * history.
 */
#include <gov/sim.h>

#define MIB (INT64_C(1) << 20)
#define CARD(name, title, total, reserved, context)                                                \
    {                                                                                              \
        name, title, (total)*MIB, (reserved)*MIB, (context)*MIB                                    \
    }

static const struct gov_sim_preset presets[] = {
    CARD("gtx1660", "GeForce GTX 1660", 6144, 190, 150),
    CARD("rtx4060", "GeForce RTX 4060", 8188, 231, 220),
    CARD("rtx3060ti", "GeForce RTX 3060 Ti", 8192, 217, 240),
    CARD("rtx3070", "GeForce RTX 3070", 8192, 217, 260),
    CARD("rtx3080", "GeForce RTX 3080", 10240, 240, 300),
    CARD("rtx4070", "GeForce RTX 4070", 12282, 270, 280),
    CARD("rtx3060", "GeForce RTX 3060", 12288, 240, 230),
    CARD("t4", "Tesla T4", 15360, 393, 180),
    CARD("rtx4080", "GeForce RTX 4080", 16376, 310, 350),
    CARD("rtx4060ti-16", "GeForce RTX 4060 Ti 16GB", 16380, 300, 260),
    CARD("a10", "A10", 23028, 512, 310),
    CARD("l4", "L4", 23034, 556, 300),
    CARD("rtx4090", "GeForce RTX 4090", 24564, 354, 450),
    CARD("rtx3090", "GeForce RTX 3090", 24576, 316, 330),
    CARD("rtx5090", "GeForce RTX 5090", 32607, 500, 500),
    CARD("a100-40", "A100 40GB", 40960, 620, 420),
    CARD("l40s", "L40S", 46068, 665, 460),
    CARD("h100-80", "H100 80GB", 81559, 551, 520),
    CARD("a100-80", "A100 80GB", 81920, 763, 420),
    CARD("h200", "H200", 143771, 700, 520),
};

const struct gov_sim_preset *gov_sim_preset(size_t index)
{
    return index < sizeof presets / sizeof presets[0] ? &presets[index] : NULL;
}
