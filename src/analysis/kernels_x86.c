/* For x86-64: AVX2, by intrinsics in functions marked for it, so that the rest of the program still
 * runs on any such machine. psadbw does most of it: sums of absolute differences of eight bytes. */
#include "analysis/kernels.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static void add_rows(const uint8_t *row, ptrdiff_t stride, int rows, int columns,
                          uint16_t *sums)
{
    int x = 0;
    for (; x + 32 <= columns; x += 32) {
        __m256i low = _mm256_setzero_si256(), high = low;
        for (int y = 0; y < rows; y++) {
            const uint8_t *p = row + y * stride + x;
            __m128i first = _mm_loadu_si128((const __m128i *)p);
            __m128i second = _mm_loadu_si128((const __m128i *)(p + 16));
            low = _mm256_add_epi16(low, _mm256_cvtepu8_epi16(first));
            high = _mm256_add_epi16(high, _mm256_cvtepu8_epi16(second));
        }
        _mm256_storeu_si256((__m256i *)(sums + x), low);
        _mm256_storeu_si256((__m256i *)(sums + x + 16), high);
    }
    for (; x < columns; x++) {
        uint16_t sum = 0;
        for (int y = 0; y < rows; y++)
            sum = (uint16_t)(sum + row[y * stride + x]);
        sums[x] = sum;
    }
}

/* Sixteen columns at a time; those beyond the box are masked, not left unread. */
AVX2 static uint32_t sum_box(const uint16_t *sums, int count)
{
    const __m256i places = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m256i zero = _mm256_setzero_si256();
    __m256i total = zero;
    for (int x = 0; x < count; x += 16) {
        int left = count - x < 16 ? count - x : 16;
        __m256i mask = _mm256_cmpgt_epi16(_mm256_set1_epi16((short)left), places);
        __m256i v = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(sums + x)), mask);
        total = _mm256_add_epi32(total, _mm256_unpacklo_epi16(v, zero));
        total = _mm256_add_epi32(total, _mm256_unpackhi_epi16(v, zero));
    }
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(half);
}

AVX2 static void box_row(const uint8_t *row, ptrdiff_t stride, int rows, int columns,
                         const int *from, const int *to, int boxes, uint16_t *sums,
                         uint32_t *totals)
{
    add_rows(row, stride, rows, columns, sums);
    for (int i = 0; i < boxes; i++)
        totals[i] = sum_box(sums + from[i], to[i] - from[i]);
}

/* Sums of eight blocks in the order 0 1 4 5 2 3 6 7, as 32-bit numbers. */
AVX2 static inline __m256i block_sums(const __m256i current[][2], const uint8_t *place,
                                      ptrdiff_t stride, int rows)
{
    __m256i left = _mm256_setzero_si256(), right = left;
    for (int y = 0; y < rows; y++, place += stride) {
        __m256i a = _mm256_loadu_si256((const __m256i *)place);
        __m256i b = _mm256_loadu_si256((const __m256i *)(place + 32));
        left = _mm256_add_epi32(left, _mm256_sad_epu8(a, current[y][0]));
        right = _mm256_add_epi32(right, _mm256_sad_epu8(b, current[y][1]));
    }
    return _mm256_packus_epi32(left, right);
}

AVX2 static void search(const uint8_t *current, ptrdiff_t current_stride, const uint8_t *place,
                        ptrdiff_t stride, int rows, int reach_x, int reach_y,
                        struct md_kernel_match *match)
{
    static const int order[MD_KERNEL_COLUMNS] = {0, 1, 4, 5, 2, 3, 6, 7};
    __m256i rows_of[32][2];
    for (int y = 0; y < rows; y++) {
        const uint8_t *p = current + y * current_stride;
        rows_of[y][0] = _mm256_loadu_si256((const __m256i *)p);
        rows_of[y][1] = _mm256_loadu_si256((const __m256i *)(p + 32));
    }
    uint32_t values[MD_KERNEL_COLUMNS];
    for (int b = 0; b < MD_KERNEL_COLUMNS; b++)
        values[b] = match->sad[order[b]];
    __m256i best = _mm256_loadu_si256((const __m256i *)values);
    const int none = INT32_MIN;
    __m256i where = _mm256_set1_epi32(none);
    for (int dy = -reach_y; dy <= reach_y; dy++)
        for (int dx = -reach_x; dx <= reach_x; dx++) {
            __m256i sads =
                block_sums((const __m256i(*)[2])rows_of, place + dy * stride + dx, stride, rows);
            __m256i less = _mm256_cmpgt_epi32(best, sads);
            best = _mm256_min_epi32(best, sads);
            where = _mm256_blendv_epi8(where, _mm256_set1_epi32(dy * 256 + dx), less);
        }
    int32_t places[MD_KERNEL_COLUMNS];
    _mm256_storeu_si256((__m256i *)values, best);
    _mm256_storeu_si256((__m256i *)places, where);
    for (int b = 0; b < MD_KERNEL_COLUMNS; b++)
        if (places[b] != none) {
            match->sad[order[b]] = (uint16_t)values[b];
            match->dx[order[b]] = (int8_t)(places[b] & 255);
            match->dy[order[b]] = (int8_t)((places[b] - match->dx[order[b]]) / 256);
        }
}

AVX2 static uint32_t difference(const uint8_t *a, const uint8_t *b, int n)
{
    __m256i sum = _mm256_setzero_si256();
    for (int i = 0; i < n; i += 32)
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_loadu_si256((const __m256i *)(a + i)),
                                                    _mm256_loadu_si256((const __m256i *)(b + i))));
    uint64_t parts[4];
    _mm256_storeu_si256((__m256i *)parts, sum);
    return (uint32_t)(parts[0] + parts[1] + parts[2] + parts[3]);
}

AVX2 static int32_t add_all(__m256i v)
{
    int32_t parts[8], sum = 0;
    _mm256_storeu_si256((__m256i *)parts, v);
    for (int i = 0; i < 8; i++)
        sum += parts[i];
    return sum;
}

AVX2 static void project(const int16_t *step, const int16_t *a, const int16_t *x, int n,
                         int32_t *along, int32_t *square)
{
    __m256i along_sum = _mm256_setzero_si256(), square_sum = along_sum;
    for (int i = 0; i < n; i += 16) {
        __m256i q = _mm256_sub_epi16(_mm256_loadu_si256((const __m256i *)(x + i)),
                                     _mm256_loadu_si256((const __m256i *)(a + i)));
        __m256i s = _mm256_loadu_si256((const __m256i *)(step + i));
        along_sum = _mm256_add_epi32(along_sum, _mm256_madd_epi16(s, q));
        square_sum = _mm256_add_epi32(square_sum, _mm256_madd_epi16(q, q));
    }
    *along = add_all(along_sum);
    *square = add_all(square_sum);
}

static const struct md_kernels avx2 = {
    .name = "avx2",
    .box_row = box_row,
    .search = search,
    .difference = difference,
    .project = project,
};

void md_kernels_list(const struct md_kernels *ret_kernels[5])
{
    int n = 0;
    if (__builtin_cpu_supports("avx2"))
        ret_kernels[n++] = &avx2;
    ret_kernels[n] = NULL;
}
