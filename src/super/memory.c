/* The governor of this machine: options become its configuration, its messages go to the log. */
#include "super/super_internal.h"

#include <gov/recorder.h>
#include <stdio.h>
#include <string.h>

static void write_log(void *context, enum gov_log_level level, const char *message)
{
    static const enum md_log_level levels[] = {
        [GOV_LOG_DEBUG] = MD_LOG_DEBUG,
        [GOV_LOG_INFO] = MD_LOG_INFO,
        [GOV_LOG_WARNING] = MD_LOG_WARNING,
        [GOV_LOG_ERROR] = MD_LOG_ERROR,
    };
    const struct md_memory *memory = context;
    md_log(memory->log, levels[level], "governor", "%s", message);
}

/* Settings in the light of the device: the preset auto is made for its size. */
static int configure(const struct md_memory *memory, const struct gov_config_sources *sources,
                     struct gov_config *ret_config, char *why, size_t why_size)
{
    struct gov_config_sources resolved;
    struct gov_sample sample;
    bool known = gov_device_sample(memory->device, 0, -1, &sample) == GOV_OK &&
                 sample.valid & GOV_SAMPLE_TOTAL;
    if (sources)
        resolved = *sources;
    else
        gov_config_sources_init(&resolved);
    int error =
        gov_config_sources_resolve(&resolved, known ? sample.total_bytes : 0, why, why_size);
    *ret_config = resolved.config;
    return error;
}

static int refuse(struct md_memory *memory, int error, const char *what, struct md_failure *failure)
{
    md_memory_close(memory);
    return md_fail(failure, error == GOV_E_NOMEM ? MD_ERR_NOMEM : MD_ERR_EXTERNAL,
                   "the memory governor cannot %s: %s", what, gov_error_text(error));
}

/* "auto" is the machine's first NVIDIA GPU or, without one, its RAM. */
static int open_device(struct md_memory *memory, const char *spec, struct gov_device_params *params,
                       struct md_failure *failure)
{
    char reason[160] = "";
    struct gov_device_info info;
    bool by_itself = !spec || strcmp(spec, "auto") == 0;
    params->reason = reason;
    params->reason_size = sizeof reason;
    int error = gov_device_open(by_itself ? "nvidia" : spec, params, &memory->device);
    if (error < 0 && by_itself) {
        md_log(memory->log, MD_LOG_DEBUG, "super", "%s; the host's memory is governed",
               reason[0] ? reason : "no NVIDIA driver");
        error = gov_device_open("host", params, &memory->device);
    }
    if (error == GOV_E_NOMEM)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory opening %s", spec ? spec : "auto");
    if (error < 0)
        return md_fail(failure, MD_ERR_INPUT, "device %s cannot be used: %s", spec ? spec : "auto",
                       reason[0] ? reason : gov_error_text(error));
    gov_device_info(memory->device, &info);
    memory->is_host = strcmp(info.backend, "host") == 0;
    const char *preset = spec ? strchr(spec, ':') : NULL;
    snprintf(memory->name, sizeof memory->name, "%s",
             memory->is_host                          ? "host"
             : preset && strncmp(spec, "sim", 3) == 0 ? preset + 1
                                                      : info.name);
    return MD_OK;
}

int md_memory_open(struct md_memory *memory, const struct md_options *options,
                   const struct gov_config_sources *sources, const struct md_log *log,
                   struct gov_config *ret_config, struct md_failure *failure)
{
    struct gov_config config;
    char why[160] = "";
    struct gov_device_params device = {.memory_limit_bytes = options->memory_limit};
    struct gov_log gov_log = {.write = write_log, .context = memory, .lowest = GOV_LOG_DEBUG};
    *memory = (struct md_memory){.log = log};
    int error = open_device(memory, options->device, &device, failure);
    if (error < 0)
        return error;
    if (configure(memory, sources, &config, why, sizeof why) < 0) {
        md_memory_close(memory);
        return md_fail(failure, MD_ERR_INPUT, "memory options make no sense: %s", why);
    }
    error = gov_governor_new(&config, memory->device, &gov_log, &memory->governor);
    if (error < 0)
        return refuse(memory, error, "start", failure);
    /* Without memory for it the flight is merely not recorded. */
    if (gov_recorder_new(0, &memory->recorder) == GOV_OK)
        gov_governor_set_recorder(memory->governor, memory->recorder);
    *ret_config = config;
    return MD_OK;
}

void md_memory_close(struct md_memory *memory)
{
    gov_governor_free(memory->governor);
    gov_recorder_free(memory->recorder);
    memory->recorder = NULL;
    gov_device_free(memory->device);
    memory->governor = NULL;
    memory->device = NULL;
}

bool md_memory_sample(struct md_memory *memory, int64_t now_us)
{
    int error = gov_governor_sample(memory->governor, now_us, NULL);
    if (error < 0 && !memory->failing)
        md_log(memory->log, MD_LOG_WARNING, "governor", "memory cannot be read: %s",
               gov_error_text(error));
    memory->failing = error < 0;
    return error >= 0;
}

void md_memory_view(struct md_memory *memory, struct md_memory_view *ret_view)
{
    struct gov_status status;
    gov_governor_status(memory->governor, &status);
    uint32_t valid = status.has_sample ? status.sample.valid : 0;
    *ret_view = (struct md_memory_view){
        .total_bytes = valid & GOV_SAMPLE_TOTAL ? status.sample.total_bytes : -1,
        .used_bytes = valid & GOV_SAMPLE_USED ? status.sample.used_bytes : -1,
        .free_bytes = valid & GOV_SAMPLE_FREE ? status.sample.free_bytes : -1,
        .own_bytes = valid & GOV_SAMPLE_OWN ? status.sample.own_bytes : -1,
        .leased_bytes = status.leases.now_bytes,
        .level = gov_level_name(status.level),
    };
}
