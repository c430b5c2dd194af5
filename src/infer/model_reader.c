/* A few bytes at a time through stdio: headers are small, vocabularies are skipped. */
#include "infer/model_reader.h"

#include <string.h>

#include "base/cleanup.h"

/* ggml's types: numbers in a block and its bytes. Tested against the library. */
struct type_size {
    const char *name;
    int values, bytes;
};
static const struct type_size types[] = {
    [0] = {"F32", 1, 4},         [1] = {"F16", 1, 2},         [2] = {"Q4_0", 32, 18},
    [3] = {"Q4_1", 32, 20},      [6] = {"Q5_0", 32, 22},      [7] = {"Q5_1", 32, 24},
    [8] = {"Q8_0", 32, 34},      [9] = {"Q8_1", 32, 36},      [10] = {"Q2_K", 256, 84},
    [11] = {"Q3_K", 256, 110},   [12] = {"Q4_K", 256, 144},   [13] = {"Q5_K", 256, 176},
    [14] = {"Q6_K", 256, 210},   [15] = {"Q8_K", 256, 292},   [16] = {"IQ2_XXS", 256, 66},
    [17] = {"IQ2_XS", 256, 74},  [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50},
    [20] = {"IQ4_NL", 32, 18},   [21] = {"IQ3_S", 256, 110},  [22] = {"IQ2_S", 256, 82},
    [23] = {"IQ4_XS", 256, 136}, [24] = {"I8", 1, 1},         [25] = {"I16", 1, 2},
    [26] = {"I32", 1, 4},        [27] = {"I64", 1, 8},        [28] = {"F64", 1, 8},
    [29] = {"IQ1_M", 256, 56},   [30] = {"BF16", 1, 2},       [34] = {"TQ1_0", 256, 54},
    [35] = {"TQ2_0", 256, 66},   [39] = {"MXFP4", 32, 17},
};

void md_model_get(struct md_model_reader *r, void *bytes, size_t n)
{
    if (r->bad || fread(bytes, 1, n, r->file) != n) {
        memset(bytes, 0, n);
        r->bad = true;
    }
}

int64_t md_model_get_i32(struct md_model_reader *r)
{
    int32_t value;
    md_model_get(r, &value, sizeof value);
    return value;
}

uint64_t md_model_get_u64(struct md_model_reader *r)
{
    uint64_t value;
    md_model_get(r, &value, sizeof value);
    return value;
}

void md_model_skip(struct md_model_reader *r, uint64_t n)
{
    off_t at = ftello(r->file);
    if (r->bad || at < 0 || n > (uint64_t)(r->size - at) || fseeko(r->file, (off_t)n, SEEK_CUR) < 0)
        r->bad = true;
}

static const struct type_size *type_of(int64_t type)
{
    bool known = type >= 0 && (size_t)type < MD_ARRAY_LEN(types) && types[type].values > 0;
    return known ? &types[type] : NULL;
}

int64_t md_model_tensor_bytes(int64_t type, const int64_t *sizes, int dimensions,
                              int64_t *ret_values)
{
    const int64_t most = INT64_C(1) << 48; /* far beyond any model, far below an overflow */
    const struct type_size *t = type_of(type);
    int64_t values = 1;
    for (int i = 0; i < dimensions; i++) {
        if (sizes[i] <= 0 || values > most / sizes[i])
            return -1;
        values *= sizes[i];
    }
    *ret_values = values;
    if (!t)
        return 0;
    return values % t->values == 0 ? values / t->values * t->bytes : -1;
}

const char *md_model_type_name(int64_t type)
{
    const struct type_size *t = type_of(type);
    return t ? t->name : "?";
}
