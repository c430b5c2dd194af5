/* The packets of a movie's picture, told apart: where decoding may begin, what only leads up to
 * such a place, what cannot be copied. Includes libav headers: inside src/render only. */
#ifndef MD_RENDER_COPY_SOURCE_H
#define MD_RENDER_COPY_SOURCE_H

#include "media/input.h"
#include "model/media.h"
#include "model/stage.h"
#include "render/param_sets.h"

struct md_copy_source;

struct md_copy_packet {
    int64_t pts, dts; /* of the stream; dts AV_NOPTS_VALUE: unknown */
    int64_t duration; /* 0 unknown */
    bool is_key;      /* the container says so */
    bool is_entry;    /* decoding may begin here: IDR, BLA, CRA */
    bool is_leading;  /* shown before the entry it follows (HEVC) */
    bool is_usable;   /* whole, stamped, and of the parameter sets of the header */
    bool has_rpu;     /* Dolby Vision */
    const AVPacket *av;
};

/* Opens the movie again and reads the header's parameter sets. MD_ERR_UNSUPPORTED with a reason
 * ("its header has no parameter sets"), and codes of md_input_open. */
int md_copy_source_new(const struct md_stage_env *env, const struct md_media *media,
                       struct md_copy_source **ret_source);
void md_copy_source_free(struct md_copy_source *source);

/* Of the picture; borrowed. */
const AVStream *md_copy_source_stream(const struct md_copy_source *source);
/* Grows while packets are read that bring new sets. */
struct md_param_sets *md_copy_source_sets(struct md_copy_source *source);
/* HDR metadata met in key frames, as units with start codes; empty when there is none. */
const struct md_bytes *md_copy_source_metadata(const struct md_copy_source *source);

/* The next packet is a key packet shown at or before the stamp. MD_ERR_NOTFOUND when none can be
 * reached by seeking; MD_ERR_CANCELLED, MD_ERR_NOMEM. */
int md_copy_source_seek(struct md_copy_source *source, int64_t stamp);

/* MD_ERR_EOF; MD_ERR_CANCELLED, MD_ERR_NOMEM, MD_ERR_IO. */
int md_copy_source_next(struct md_copy_source *source, struct md_copy_packet *ret_packet);

/* Appends the packet's units with start codes: pictures and messages as they are, without parameter
 * sets, delimiters and fillers. opens: it is the first of a copied run; a CRA picture is then
 * marked as BLA_N_LP, a change of its type alone, which tells decoders that what led up to it is
 * missing, and to show all that came before. MD_ERR_NOMEM. */
int md_copy_source_units(const struct md_copy_source *source, const struct md_copy_packet *packet,
                         bool opens, struct md_bytes *out);

#endif
