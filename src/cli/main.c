/* The table of commands. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/config.h"
#include "cli/help.h"
#include "cli/memory.h"
#include "cli/plan.h"
#include "cli/queue_commands.h"
#include "cli/models.h"
#include "cli/run.h"
#include "cli/shots.h"
#include "cli/simulate.h"

#ifndef MD_VERSION
#error "the build says which version this is"
#endif

static int print(struct md_str *text)
{
    bool bad = md_str_failed(text) || fputs(md_str_text(text), stdout) < 0 || fflush(stdout) < 0;
    md_str_done(text);
    return bad ? MD_EXIT_FAILED : MD_EXIT_DONE;
}

static const struct md_cli_command commands[];

static const struct md_cli_command *find_command(int argc, char *const *argv, int *ret_words);

static int help_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct md_str text = {0};
    int words;
    (void)self;
    const struct md_cli_command *command = find_command(argc, argv, &words);
    if (argc > 0 && strcmp(argv[0], "man") == 0)
        md_help_man(&text, commands);
    else if (argc > 0 && strcmp(argv[0], "options") == 0)
        md_help_markdown(&text);
    else if (command && command->takes_options)
        md_help_command(&text, command, 80);
    else
        md_help_program(&text, commands);
    return print(&text);
}

static int version_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    (void)self;
    (void)argc;
    (void)argv;
    puts("moviedigest " MD_VERSION);
    return MD_EXIT_DONE;
}

static const struct md_cli_command commands[] = {
    {"run", "[PATH...]",
     "Make digests of movies and of folders of movies; without PATH, of all that is queued",
     md_run_command, true},
    {"queue add", "PATH...", "Queue movies; one that runs the queue does them, too",
     md_queue_command, true},
    {"queue list", "", "Show what is queued and what became of the rest", md_queue_command, true},
    {"queue remove", "ID|PATH...", "Take movies out of the queue, also one that is being done",
     md_queue_command, true},
    {"queue retry", "[ID|PATH...|--failed]", "Queue movies again that failed or are done",
     md_queue_command, true},
    {"queue clear", "[--done|--failed|--all]", "Take all of a kind out of the queue",
     md_queue_command, true},
    {"status", "", "Show what is being done, how far it is and what it waits for", md_queue_command,
     true},
    {"pause", "", "Start nothing new; what runs goes on", md_queue_command, true},
    {"resume", "", "Go on after a pause", md_queue_command, true},
    {"stop", "", "Finish what runs, then end; the rest stays queued", md_queue_command, true},
    {"config", "", "Show every option, its value and where that comes from", md_config_command,
     true},
    {"memory", "",
     "Show devices, what a running instance holds of them, and what history recommends",
     md_memory_command, true},
    {"plan", "PATH...", "Show what a run would do on a simulated device: batches, memory, risks",
     md_plan_command, true},
    {"simulate", "[OPTION...]", "Run the memory governor in a virtual world, print its figures",
     md_simulate_command, false},
    {"models list", "", "List the model files found here, what they need, and which fit best",
     md_models_command, true},
    {"models check", "FILE|NAME...", "Tell whether models are whole and of use, and what they need",
     md_models_command, true},
    {"models add", "FILE|NAME...", "Link models into the folder from which runs take them",
     md_models_command, true},
    {"models", "", "The same as models list", md_models_command, true},
    {"shots", "MOVIE|--list",
     "Find the boundaries of one movie's shots: --detector NAME, --csv, --evaluate TRUTH.csv",
     md_shots_command, false},
    {"version", "", "Show the version", version_command, false},
    {"help", "[COMMAND|man|options]",
     "This text; a command's options; the manual page (roff); docs/options.md", help_command,
     false},
    {"--help", "", NULL, help_command, false},
    {"-h", "", NULL, help_command, false},
    {"--version", "", NULL, version_command, false},
    {.name = NULL},
};

/* The row whose words argv begins with, and how many they are; NULL: none. */
static const struct md_cli_command *find_command(int argc, char *const *argv, int *ret_words)
{
    for (const struct md_cli_command *c = commands; c->name; c++) {
        const char *second = strchr(c->name, ' ');
        size_t first = second ? (size_t)(second - c->name) : strlen(c->name);
        *ret_words = second ? 2 : 1;
        if (argc >= *ret_words && strlen(argv[0]) == first &&
            memcmp(argv[0], c->name, first) == 0 && (!second || strcmp(argv[1], second + 1) == 0))
            return c;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int words;
    /* Only characters: numbers are always read and written with a point. */
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        help_command(NULL, 0, NULL);
        return MD_EXIT_USAGE;
    }
    const struct md_cli_command *command = find_command(argc - 1, argv + 1, &words);
    if (command)
        return command->run(command, argc - 1 - words, argv + 1 + words);
    bool two = argc > 2 && argv[2][0] != '-';
    fprintf(stderr, "moviedigest: there is no command \"%s%s%s\"; see moviedigest help\n", argv[1],
            two ? " " : "", two ? argv[2] : "");
    return MD_EXIT_USAGE;
}
