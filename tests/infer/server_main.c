/* The test server as a program: `test-server [KIND [CONTEXT [KEY [ACT...]]]]` prints its port,
 * serves until its standard input ends, then prints what it has seen. "-" stands for no key; an ACT
 * hold=BYTES is the memory of its model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { MOST_ACTS = 64 };

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"plain", "llama", "vllm", "ollama"};
    enum server_act acts[MOST_ACTS];
    struct server_params params = {.acts = acts};
    struct server_seen seen;
    for (int i = 0; i < 4; i++)
        if (argc > 1 && strcmp(argv[1], kinds[i]) == 0)
            params.kind = (enum server_kind)i;
    params.context = argc > 2 ? atoi(argv[2]) : 0;
    params.key = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
    for (int i = 4; i < argc && params.act_count < MOST_ACTS; i++) {
        if (strncmp(argv[i], "hold=", 5) == 0)
            params.hold_bytes = strtoull(argv[i] + 5, NULL, 10);
        for (int act = 0; act < SERVER_ACTS; act++)
            if (strcmp(argv[i], server_act_names[act]) == 0)
                acts[params.act_count++] = (enum server_act)act;
    }
    struct server *server = server_start(&params);
    if (!server)
        return 1;
    printf("%d\n", server_port(server));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    server_see(server, &seen);
    printf("{\"chats\": %d, \"unloads\": %d, \"refused_keys\": %d}\n", seen.chats, seen.unloads,
           seen.refused_keys);
    server_stop(server);
    return 0;
}
