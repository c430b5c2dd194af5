/* Sums of absolute differences of rows of bytes, the inner loop of motion search. */
#ifndef MD_ANALYSIS_SAD_H
#define MD_ANALYSIS_SAD_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* For `rows` rows of 64 samples: the sums of |a - b| over columns 0..7, 8..15, ... 56..63. */
#ifdef __SSE2__
#include <emmintrin.h>

static inline void md_sad_columns(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                                  ptrdiff_t b_stride, int rows, uint16_t sums[8])
{
    __m128i sum[4] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(),
                      _mm_setzero_si128()};
    for (int y = 0; y < rows; y++, a += a_stride, b += b_stride)
        for (int i = 0; i < 4; i++) {
            __m128i p = _mm_loadu_si128((const __m128i *)(a + 16 * i));
            __m128i q = _mm_loadu_si128((const __m128i *)(b + 16 * i));
            sum[i] = _mm_add_epi32(sum[i], _mm_sad_epu8(p, q));
        }
    for (int i = 0; i < 4; i++) {
        sums[2 * i] = (uint16_t)_mm_cvtsi128_si32(sum[i]);
        sums[2 * i + 1] = (uint16_t)_mm_extract_epi16(sum[i], 4);
    }
}
#else
static inline void md_sad_columns(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                                  ptrdiff_t b_stride, int rows, uint16_t sums[8])
{
    for (int i = 0; i < 8; i++)
        sums[i] = 0;
    for (int y = 0; y < rows; y++, a += a_stride, b += b_stride)
        for (int x = 0; x < 64; x++)
            sums[x / 8] = (uint16_t)(sums[x / 8] + abs(a[x] - b[x]));
}
#endif

#endif
