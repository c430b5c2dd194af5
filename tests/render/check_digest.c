/* check_digest MOVIE FOLDER: proves a finished digest against its movie, see digest_check.h, and
 * measures every join. Fails when anything is wrong with the file, a copied frame is not the
 * movie's, a picture is more than one frame from the cut list, or sound is 40 ms or more from its
 * picture. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "digest_check.h"
#include "join_check.h"

enum { MOST_FRAMES_OFF = 1, MOST_SOUND_MS = 40 };

static bool is_good(const struct join_summary *s, bool has_sound)
{
    if (s->pictures_told == 0 || (has_sound && s->sounds_told == 0)) {
        printf("nothing could be measured\n");
        return false;
    }
    return s->most_frames_off <= MOST_FRAMES_OFF && s->most_sound_ms < MOST_SOUND_MS;
}

static int measure(const char *movie, const char *folder, const struct md_media *media,
                   const struct md_render *render, struct md_failure *failure)
{
    struct joins joins = {0};
    md_autofree char *digest = md_path_join(folder, "digest.mp4");
    int r = join_check(movie, media, digest, render, &joins, failure);
    struct join_summary s = join_summarize(&joins);
    md_vec_done(&joins);
    if (r < 0)
        return r;
    printf("%zu pieces, %d sides: picture told at %d, at most %d frames off; sound told at %d, at "
           "most %.2f ms off\n",
           render->pieces.n, s.sides, s.pictures_told, s.most_frames_off, s.sounds_told,
           s.most_sound_ms);
    return is_good(&s, media->audio_stream >= 0) ? MD_OK
                                                 : md_fail(failure, MD_ERR_BUG, "joins are off");
}

static int prove(const char *movie, const char *folder, const struct md_media *media,
                 const struct md_render *render, struct md_failure *failure)
{
    struct digest_check check;
    md_autofree char *digest = md_path_join(folder, "digest.mp4");
    int r = digest_check(movie, media, digest, render, &check, failure);
    for (size_t i = 0; i < check.problems.n; i++)
        printf("problem: %s\n", check.problems.v[i]);
    printf("%lld frames copied and the same, %lld encoded: %.1f dB on average, at least %.1f; the "
           "sound ends %.1f ms after the picture\n",
           (long long)check.copied, (long long)check.encoded, check.mean_psnr, check.least_psnr,
           check.end_offset_ms);
    bool bad = check.problems.n > 0;
    digest_check_done(&check);
    return r == MD_OK && bad ? md_fail(failure, MD_ERR_BUG, "the digest is not as it should be")
                             : r;
}

int main(int argc, char **argv)
{
    struct md_media media = {0};
    struct md_render render = {0};
    struct md_failure failure = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: %s MOVIE FOLDER\n", argv[0]);
        return 2;
    }
    md_autofree char *work = md_path_join(argv[2], "work");
    int r = md_artifact_load(&md_artifact_media, work, &media, &failure);
    if (r == MD_OK)
        r = md_artifact_load(&md_artifact_render, work, &render, &failure);
    if (r == MD_OK && media.video_stream >= 0)
        r = prove(argv[1], argv[2], &media, &render, &failure);
    if (r == MD_OK)
        r = measure(argv[1], argv[2], &media, &render, &failure);
    if (r < 0)
        printf("%s\n", failure.message);
    md_artifact_done(&md_artifact_media, &media);
    md_artifact_done(&md_artifact_render, &render);
    return r < 0;
}
