// The library's breakdown of memory is a std::map, declared in a header it does not install.
#include "infer/llama_memory.h"
#include "infer/text.h"

#include <cstddef>
#include <map>

#include <ggml-backend.h>
#include <llama.h>

struct llama_memory_breakdown_data {
    size_t model = 0, context = 0, compute = 0;
};
using llama_memory_breakdown = std::map<ggml_backend_buffer_type_t, llama_memory_breakdown_data>;
llama_memory_breakdown llama_get_memory_breakdown(const struct llama_context *context);

// Main memory, also what a GPU's backend keeps there.
static bool is_host(ggml_backend_buffer_type_t type)
{
    ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
    return ggml_backend_buft_is_host(type) || !device ||
           ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
}

extern "C" void md_llama_memory(const struct llama_context *context,
                                struct md_text_memory *ret_memory)
{
    *ret_memory = md_text_memory();
    for (const auto &entry : llama_get_memory_breakdown(context)) {
        const llama_memory_breakdown_data &d = entry.second;
        ret_memory->model_bytes += static_cast<int64_t>(d.model);
        ret_memory->context_bytes += static_cast<int64_t>(d.context);
        ret_memory->compute_bytes += static_cast<int64_t>(d.compute);
        if (is_host(entry.first))
            ret_memory->host_bytes += static_cast<int64_t>(d.model + d.context + d.compute);
    }
}
