/* Subtitles of the digest and of the whole movie, in both forms that players take. */
#include "model/subtitles.h"
#include "render/outputs_private.h"

int md_output_digest_srt(struct md_str *out, const struct md_outputs *o)
{
    md_subtitles_write_srt(out, &o->digest_cues);
    return MD_OK;
}

int md_output_digest_vtt(struct md_str *out, const struct md_outputs *o)
{
    md_subtitles_write_vtt(out, &o->digest_cues, o->transcript->language);
    return MD_OK;
}

int md_output_movie_srt(struct md_str *out, const struct md_outputs *o)
{
    md_subtitles_write_srt(out, &o->transcript->cues);
    return MD_OK;
}

int md_output_movie_vtt(struct md_str *out, const struct md_outputs *o)
{
    md_subtitles_write_vtt(out, &o->transcript->cues, o->transcript->language);
    return MD_OK;
}
