/* Any stream of bytes, cut anywhere, goes through the reader that the main program points at its
 * workers. The first byte of the input chooses the slice size. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_everything(const struct md_record_view *view)
{
    const char *key, *value;
    size_t pairs = 0, bytes = strlen(view->type);
    for (size_t at = 0; md_record_next(view, &at, &key, &value); pairs++) {
        int64_t number = 5;
        if (!md_record_get(view, key))
            abort();
        if (md_record_get_int(view, key, -10, 10, &number) < 0 && number != 5)
            abort();
        if (number < -10 || number > 10)
            abort();
        bytes += strlen(key) + strlen(value) + 2;
    }
    if (bytes > MD_RECORD_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct md_frame_reader reader = {0};
    struct md_record_view view;
    size_t slice = size ? (size_t)data[0] + 1 : 1;
    for (size_t at = size ? 1 : 0; at < size;) {
        char *room;
        size_t n;
        if (md_frame_room(&reader, &room, &n) < 0)
            abort();
        if (n == 0)
            abort(); /* a full buffer holds a whole frame */
        n = n < slice ? n : slice;
        n = n < size - at ? n : size - at;
        memcpy(room, data + at, n);
        md_frame_filled(&reader, n);
        at += n;
        int r;
        while ((r = md_frame_next(&reader, &view)) == 1)
            read_everything(&view);
        if (r < 0)
            break;
    }
    md_frame_reader_done(&reader);
    return 0;
}
