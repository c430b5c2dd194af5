/* What of a movie's sound is sent to a speech model, and in which pieces.
 *
 * A chunk is at most 30 s, the window of the model, and costs the same whether it is full or not:
 * so it is filled with stretches of speech, one after the other, and long silence and plain music
 * are left out (there a speech model invents text). Cuts lie where it is quiet. Where a stretch has
 * no quiet place, the next chunk begins a second earlier, and what both heard is told once.
 *
 * Pure: the same sound gives the same chunks, whatever the batch. */
#ifndef MD_TRANSCRIPT_CHUNK_H
#define MD_TRANSCRIPT_CHUNK_H

#include "model/audio.h"

#define MD_CHUNK_LONGEST_US INT64_C(30000000)
#define MD_CHUNK_STEP_US    INT64_C(20000) /* of the loudness curve cuts are found with */
enum { MD_CHUNK_PIECES = 32 };

/* A stretch of sound, in time of the PCM file. */
struct md_span_us {
    int64_t start_us, end_us;
};
struct md_span_us_vec MD_VEC(struct md_span_us);

struct md_chunk {
    struct md_span_us pieces[MD_CHUNK_PIECES]; /* played one after the other */
    int piece_count;
    bool overlaps; /* its first piece begins before the last one of the chunk before ended */
    int64_t length_us;
};
struct md_chunk_vec MD_VEC(struct md_chunk);

/* level_db: loudness of each step of MD_CHUNK_STEP_US of the PCM, in any decibels. MD_ERR_NOMEM. */
int md_chunk_plan(const struct md_audio *audio, const float *level_db, size_t levels,
                  struct md_chunk_vec *ret_chunks);

/* Everything, silence too, for comparison. */
int md_chunk_plan_all(const struct md_audio *audio, const float *level_db, size_t levels,
                      struct md_chunk_vec *ret_chunks);

/* The PCM time of a time within the chunk; within its first and last piece. at_end: of two pieces
 * that meet there, the earlier. */
int64_t md_chunk_time(const struct md_chunk *chunk, int64_t offset_us, bool at_end);

#endif
