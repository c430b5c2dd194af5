/* One walk over the option table for each form; the words live in the table alone. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "model/options.h"

static const char summary[] =
    "Turns movies into digests: a short watchable cut, chapters and bookmarks, transcript, "
    "synopsis and a report.";

struct exit_code {
    int code;
    const char *meaning;
};
static const struct exit_code exit_codes[] = {
    {0, "All movies are done."},
    {1, "Some movies failed; the others are done. Also when the run was interrupted."},
    {2, "The command line, the config file or a path given cannot be used; nothing was started."},
};

static bool is_first_of_group(const struct md_option *table, const struct md_option *o)
{
    return o == table || strcmp(o->group, o[-1].group) != 0;
}

/* "-l, --length LENGTH", "--[no-]force". */
static void append_usage(struct md_str *out, const struct md_option *o)
{
    if (o->letter)
        md_str_printf(out, "-%c, ", o->letter);
    md_str_printf(out, o->kind == MD_OPTION_FLAG ? "--[no-]%s" : "--%s", o->name);
    if (o->metavar)
        md_str_printf(out, " %s", o->metavar);
}

static void append_default(struct md_str *out, const struct md_option *o)
{
    if (o->initial[0] && o->kind != MD_OPTION_FLAG)
        md_str_printf(out, " Default: %s.", o->initial);
    else if (o->kind == MD_OPTION_FLAG && strcmp(o->initial, "yes") == 0)
        md_str_append(out, " Default: yes.");
}

/* Appends text broken into lines that start at `indent` and end before `columns`. */
static void append_folded(struct md_str *out, const char *text, int indent, int columns)
{
    int at = indent;
    const char *word = text;
    while (*word) {
        int n = (int)strcspn(word, " ");
        if (at > indent && at + 1 + n > columns) {
            md_str_printf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            md_str_append_char(out, ' ');
            at++;
        }
        md_str_append_n(out, word, (size_t)n);
        at += n;
        word += n;
        word += strspn(word, " ");
    }
    md_str_append_char(out, '\n');
}

/* "queue add PATH...". */
static void append_call(struct md_str *out, const struct md_cli_command *command)
{
    md_str_append(out, command->name);
    if (command->arguments[0])
        md_str_printf(out, " %s", command->arguments);
}

void md_help_program(struct md_str *out, const struct md_cli_command *commands)
{
    enum { TEXT_AT = 32 };
    md_str_append(out, "usage: moviedigest COMMAND ...\n\n");
    append_folded(out, summary, 0, 78);
    md_str_append_char(out, '\n');
    for (const struct md_cli_command *c = commands; c->name; c++) {
        struct md_str call = {0};
        if (!c->help)
            continue;
        append_call(&call, c);
        if (call.n + 4 > TEXT_AT)
            md_str_printf(out, "  %s\n%*s", md_str_text(&call), TEXT_AT, "");
        else
            md_str_printf(out, "  %-*s", TEXT_AT - 2, md_str_text(&call));
        append_folded(out, c->help, TEXT_AT, 80);
        md_str_done(&call);
    }
    md_str_append(out, "\nmoviedigest run --help shows the options.\n");
}

void md_help_command(struct md_str *out, const struct md_cli_command *command, int columns)
{
    enum { TEXT_AT = 30, NARROWEST = 60 };
    if (columns < NARROWEST)
        columns = NARROWEST;
    md_str_printf(out, "usage: moviedigest %s [OPTION...] %s\n\n", command->name,
                  command->arguments);
    md_str_append(out, command->help);
    md_str_append(out, ".\n");
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        struct md_str left = {0}, right = {0};
        if (is_first_of_group(table, o))
            md_str_printf(out, "\n%s\n", o->group);
        md_str_printf(&left, o->letter ? "  " : "      ");
        append_usage(&left, o);
        md_str_append(&right, o->help);
        append_default(&right, o);
        if (left.n + 2 > TEXT_AT)
            md_str_printf(out, "%s\n%*s", md_str_text(&left), TEXT_AT, "");
        else
            md_str_printf(out, "%-*s", TEXT_AT, md_str_text(&left));
        append_folded(out, md_str_text(&right), TEXT_AT, columns);
        md_str_done(&left);
        md_str_done(&right);
    }
    md_str_append(out, "\nExit status\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        md_str_printf(out, "  %d  ", exit_codes[i].code);
        append_folded(out, exit_codes[i].meaning, 5, columns);
    }
    md_str_append(
        out, "\nEvery option can stand in a config file (name = value) and in the environment\n"
             "(MOVIEDIGEST_LENGTH=5min). Later wins: defaults, config file, environment,\n"
             "command line.\n");
}

/* roff takes a leading dot or quote for a request and a hyphen for a soft one. */
static void append_roff(struct md_str *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        md_str_append(out, "\\&");
    for (; *text; text++) {
        if (*text == '-')
            md_str_append(out, "\\-");
        else if (*text == '\\')
            md_str_append(out, "\\e");
        else
            md_str_append_char(out, *text);
    }
}

void md_help_man(struct md_str *out, const struct md_cli_command *commands)
{
    md_str_append(out,
                  ".TH MOVIEDIGEST 1 \"\" \"MovieDigest\" \"User Commands\"\n.SH NAME\n"
                  "moviedigest \\- digests of movies, in governed memory\n.SH SYNOPSIS\n"
                  ".B moviedigest\n\\fICOMMAND\\fR [\\fIOPTION\\fR...] ...\n.SH DESCRIPTION\n");
    append_roff(out, summary);
    md_str_append(
        out, "\nA \\fIPATH\\fR is a movie or a folder, which is searched with all its folders. "
             "What is a movie is judged by content.\n.SH COMMANDS\n");
    for (const struct md_cli_command *c = commands; c->name; c++) {
        struct md_str call = {0};
        if (!c->help)
            continue;
        append_call(&call, c);
        md_str_append(out, ".TP\n.B ");
        append_roff(out, md_str_text(&call));
        md_str_append_char(out, '\n');
        append_roff(out, c->help);
        md_str_append(out, ".\n");
        md_str_done(&call);
    }
    const struct md_option *table = md_option_table();
    md_str_append(out, ".SH OPTIONS\n");
    for (const struct md_option *o = table; o->name; o++) {
        struct md_str usage = {0}, text = {0};
        if (is_first_of_group(table, o))
            md_str_printf(out, ".SS %s\n", o->group);
        append_usage(&usage, o);
        md_str_append(&text, o->help);
        append_default(&text, o);
        md_str_append(out, ".TP\n.B ");
        append_roff(out, md_str_text(&usage));
        md_str_append_char(out, '\n');
        append_roff(out, md_str_text(&text));
        md_str_append_char(out, '\n');
        md_str_done(&usage);
        md_str_done(&text);
    }
    md_str_append(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        md_str_printf(out, ".TP\n.B %d\n", exit_codes[i].code);
        append_roff(out, exit_codes[i].meaning);
        md_str_append_char(out, '\n');
    }
    md_str_append(
        out, ".SH FILES\n.TP\n.I ~/.config/moviedigest.ini\nOptions as \\(lqname = value\\(rq.\n"
             ".SH ENVIRONMENT\nEvery option as MOVIEDIGEST_NAME, hyphens as underscores.\n");
}

static void append_markdown_cell(struct md_str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            md_str_append_char(out, '\\');
        md_str_append_char(out, *text);
    }
}

/* The governor's keys, from its own table. */
static void append_key_table(struct md_str *out)
{
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    md_str_append(out, "\n## The memory governor\n\nThe default is that of the preset balanced.\n\n"
                       "| option | default | environment | what it is |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        char environment[64], value[64], name[64];
        md_args_env_name(keys[i].name, environment);
        gov_config_get(&gov_config_default, keys[i].name, value, sizeof value);
        snprintf(name, sizeof name, "%s", keys[i].name);
        for (char *c = name; *c; c++)
            *c = *c == '_' ? '-' : *c;
        md_str_printf(out, "| `--%s` | %s | `%s` | ", name, value, environment);
        append_markdown_cell(out, keys[i].help);
        md_str_append(out, " |\n");
    }
}

void md_help_markdown(struct md_str *out)
{
    md_str_append(
        out, "# Options\n\n"
             "Made by `moviedigest help options` from the option table; a test keeps it so.\n"
             "Later wins: default, config file (`name = value`), environment, command line.\n");
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        char environment[64];
        struct md_str usage = {0};
        if (is_first_of_group(table, o))
            md_str_printf(out,
                          "\n## %s\n\n| option | default | environment | what it does |\n"
                          "|---|---|---|---|\n",
                          o->group);
        append_usage(&usage, o);
        md_args_env_name(o->name, environment);
        md_str_append(out, "| `");
        append_markdown_cell(out, md_str_text(&usage));
        md_str_printf(out, "` | %s | `%s` | ", o->initial, environment);
        append_markdown_cell(out, o->help);
        md_str_append(out, " |\n");
        md_str_done(&usage);
    }
    append_key_table(out);
    md_str_append(out, "\n## Exit status\n\n| status | meaning |\n|---|---|\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++)
        md_str_printf(out, "| %d | %s |\n", exit_codes[i].code, exit_codes[i].meaning);
}
