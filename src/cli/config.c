/* Two tables, options and the governor's keys, walked once for each form. */
#include "cli/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/args.h"

/* "preset rtx3060", "config file moviedigest.ini". */
static void append_origin(struct md_str *out, const struct gov_config_origin *origin)
{
    md_str_append(out,
                  origin->layer == GOV_LAYER_FILE ? "config file" : gov_layer_name(origin->layer));
    if (origin->where[0])
        md_str_printf(out, " %s", origin->where);
}

static void write_text(const struct md_args *args, struct md_str *out)
{
    if (args->config_file)
        md_str_printf(out, "; read from %s\n", args->config_file);
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        md_autofree char *value = md_options_get(&args->options, o);
        if (strcmp(o->name, "config") != 0)
            md_str_printf(out, "%s = %s ; %s\n", o->name, value ? value : "",
                          md_source_names[args->source[o - table]]);
    }
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    md_str_append(out, "\n[memory governor]\n");
    for (size_t i = 0; i < count; i++) {
        char value[64] = "";
        gov_config_get(&args->memory.config, keys[i].name, value, sizeof value);
        md_str_printf(out, "%s = %s ; ", keys[i].name, value);
        append_origin(out, &args->memory.origin[i]);
        md_str_append_char(out, '\n');
    }
}

static json_t *pack(const char *value, const char *from, const char *where)
{
    json_t *row = json_pack("{s:s, s:s}", "value", value, "from", from);
    if (row && where[0])
        json_object_set_new(row, "where", json_string(where));
    return row;
}

static void write_json(const struct md_args *args, struct md_str *out)
{
    json_t *options = json_object(), *memory = json_object();
    const struct md_option *table = md_option_table();
    for (const struct md_option *o = table; o->name; o++) {
        md_autofree char *value = md_options_get(&args->options, o);
        json_object_set_new(options, o->name,
                            pack(value ? value : "", md_source_names[args->source[o - table]], ""));
    }
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const struct gov_config_origin *origin = &args->memory.origin[i];
        char value[64] = "";
        gov_config_get(&args->memory.config, keys[i].name, value, sizeof value);
        json_object_set_new(memory, keys[i].name,
                            pack(value, gov_layer_name(origin->layer), origin->where));
    }
    json_t *all = json_pack("{s:s?, s:o, s:o}", "config_file", args->config_file, "options",
                            options, "memory", memory);
    md_autofree char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (text)
        md_str_printf(out, "%s\n", text);
    else
        out->failed = true;
}

int md_config_command(const struct md_cli_command *self, int argc, char *const *argv)
{
    struct md_args args;
    struct md_failure failure = {0};
    md_autostr text = {0};
    if (md_args_parse(&args, argc, argv, getenv, &failure) < 0) {
        fprintf(stderr, "moviedigest: %s\n", failure.message);
        return MD_EXIT_USAGE;
    }
    if (args.options.json)
        write_json(&args, &text);
    else
        write_text(&args, &text);
    md_args_done(&args);
    bool bad = md_str_failed(&text) || fputs(md_str_text(&text), stdout) < 0 || fflush(stdout) < 0;
    return bad ? MD_EXIT_FAILED : MD_EXIT_DONE;
}
