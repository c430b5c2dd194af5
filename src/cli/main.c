/* The table of commands. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/run.h"

#ifndef MD_VERSION
#error "the build says which version this is"
#endif

static int print(struct md_str *text)
{
    bool bad = md_str_failed(text) || fputs(md_str_text(text), stdout) < 0 || fflush(stdout) < 0;
    md_str_done(text);
    return bad ? MD_EXIT_FAILED : MD_EXIT_DONE;
}

static int help_command(int argc, char *const *argv)
{
    struct md_str text = {0};
    if (argc > 0 && strcmp(argv[0], "man") == 0)
        md_help_man(&text);
    else if (argc > 0 && strcmp(argv[0], "options") == 0)
        md_help_markdown(&text);
    else if (argc > 0 && strcmp(argv[0], "run") == 0)
        md_help_run(&text, 80);
    else
        md_help_program(&text);
    return print(&text);
}

static int version_command(int argc, char *const *argv)
{
    (void)argc;
    (void)argv;
    puts("moviedigest " MD_VERSION);
    return MD_EXIT_DONE;
}

/* Every option, its value and where it comes from; readable as a config file. */
static int config_command(int argc, char *const *argv)
{
    struct md_args args;
    struct md_failure failure = {0};
    struct md_str text = {0};
    if (md_args_parse(&args, argc, argv, getenv, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure.message);
        return MD_EXIT_USAGE;
    }
    if (args.config_file)
        md_str_printf(&text, "; read from %s\n", args.config_file);
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        md_autofree char *value = md_options_get(&args.options, o);
        if (strcmp(o->name, "config") != 0)
            md_str_printf(&text, "%s = %s ; %s\n", o->name, value ? value : "",
                          md_source_names[args.source[o - table]]);
    }
    md_args_done(&args);
    return print(&text);
}

struct command {
    const char *name;
    int (*run)(int argc, char *const *argv);
};

static const struct command commands[] = {
    {"run", md_run_command},        {"config", config_command}, {"help", help_command},
    {"--help", help_command},       {"-h", help_command},       {"version", version_command},
    {"--version", version_command},
};

int main(int argc, char **argv)
{
    /* Only characters: numbers are always read and written with a point. */
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        help_command(0, NULL);
        return MD_EXIT_USAGE;
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "moviedigest: there is no command \"%s\"; see moviedigest help\n", argv[1]);
    return MD_EXIT_USAGE;
}
