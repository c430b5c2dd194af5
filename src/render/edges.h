/* The pictures of a copied stream that have to be encoded anew: those before the first group of
 * pictures that can be copied, and those after the last. Each edge is a little stream of its own
 * that opens with a key frame. Includes libav headers: inside src/render only. */
#ifndef MD_RENDER_EDGES_H
#define MD_RENDER_EDGES_H

#include "render/encoder.h"
#include "render/param_sets.h"

struct md_edges;

struct md_edges_params {
    const AVCodecParameters *like;
    AVRational time_base, frame_rate;
    int quality;
    bool small;
    struct md_packet_sink sink; /* gets packets with start codes, stamped, without decoding times */
};

/* Chooses free numbers and adds the encoder's parameter sets to *sets. Borrows params->like.
 * MD_ERR_UNSUPPORTED: the encoder cannot match the stream; MD_ERR_NOMEM, MD_ERR_EXTERNAL. */
int md_edges_new(const struct md_edges_params *params, struct md_param_sets *sets,
                 struct md_edges **ret_edges, struct md_failure *failure);
void md_edges_free(struct md_edges *edges);

/* Units to put into every key frame of an edge (HDR metadata), with start codes; copied. */
int md_edges_set_prefix(struct md_edges *edges, const struct md_bytes *units);

/* Encodes a picture of the size and format of `like`; opens an edge where none is open.
 * MD_ERR_UNSUPPORTED: of another size or format. */
int md_edges_send(struct md_edges *edges, const AVFrame *frame, int64_t pts, int64_t duration,
                  struct md_failure *failure);

/* Ends the edge: all its packets have been delivered. Nothing happens where none is open. */
int md_edges_end(struct md_edges *edges, struct md_failure *failure);

#endif
