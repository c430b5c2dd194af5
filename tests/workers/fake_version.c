/* Preloaded, it makes the libraries look like others than those that programs were built for. */
const char *ggml_version(void);

__attribute__((visibility("default"))) const char *ggml_version(void)
{
    return "9.9.9";
}
