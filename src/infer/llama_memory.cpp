// The library's breakdown of memory is a std::map, declared in a header it does not install.
#include "infer/llama_memory.h"

#include <cstddef>
#include <map>

#include <ggml-backend.h>
#include <llama.h>

struct llama_memory_breakdown_data {
    size_t model = 0, context = 0, compute = 0;
};
using llama_memory_breakdown = std::map<ggml_backend_buffer_type_t, llama_memory_breakdown_data>;
llama_memory_breakdown llama_get_memory_breakdown(const struct llama_context *context);

extern "C" void md_llama_memory(const struct llama_context *context, int64_t *ret_model,
                                int64_t *ret_context, int64_t *ret_compute)
{
    *ret_model = *ret_context = *ret_compute = 0;
    for (const auto &entry : llama_get_memory_breakdown(context)) {
        *ret_model += static_cast<int64_t>(entry.second.model);
        *ret_context += static_cast<int64_t>(entry.second.context);
        *ret_compute += static_cast<int64_t>(entry.second.compute);
    }
}
