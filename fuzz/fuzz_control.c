/* Any line that a client of the control socket may send: it is refused in words, or it means the
 * same once it was written down and read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "super/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void compare(const struct md_request *a, const struct md_request *b)
{
    check(a->command == b->command && a->done == b->done && a->failed == b->failed &&
          a->all == b->all);
    check(a->movies.n == b->movies.n && a->ids.n == b->ids.n && a->paths.n == b->paths.n);
    for (size_t i = 0; i < a->movies.n; i++) {
        const struct md_request_movie *x = &a->movies.v[i], *y = &b->movies.v[i];
        check(x->path[0] == '/' && x->out_dir[0] == '/');
        check(strcmp(x->path, y->path) == 0 && strcmp(x->out_dir, y->out_dir) == 0);
        check(strcmp(x->options, y->options) == 0 && x->named == y->named);
    }
    for (size_t i = 0; i < a->ids.n; i++)
        check(a->ids.v[i] > 0 && a->ids.v[i] == b->ids.v[i]);
    for (size_t i = 0; i < a->paths.n; i++)
        check(a->paths.v[i][0] == '/' && strcmp(a->paths.v[i], b->paths.v[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct md_request request, again;
    struct md_failure failure = {0};
    if (md_request_parse((const char *)data, size, &request, &failure) < 0) {
        check(failure.message[0] != 0);
        return 0;
    }
    md_autostr line = {0};
    md_request_format(&request, &line);
    check(!md_str_failed(&line) && !strchr(md_str_text(&line), '\n'));
    check(md_request_parse(line.s, line.n, &again, &failure) == MD_OK);
    compare(&request, &again);
    md_request_done(&request);
    md_request_done(&again);
    return 0;
}
