/* A small parser over the option table. getopt_long wants its own table and permutes argv; with
 * the table in hand the loop is as short. Options and paths may be mixed; "--" ends options, so
 * that a file may be called --help. */
#include "cli/args.h"

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

const char *const md_source_names[] = {"default", "config file", "environment", "command line"};

/* --- the memory governor's keys: options, too, from its own table --- */

/* A key is written with hyphens on the command line, in any case in files. NULL: there is none. */
static const struct gov_config_key *find_key(const char *name)
{
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        const char *a = name, *b = keys[i].name;
        while (*a && *b && tolower((unsigned char)(*a == '-' ? '_' : *a)) == *b) {
            a++;
            b++;
        }
        if (!*a && !*b)
            return &keys[i];
    }
    return NULL;
}

static enum gov_config_layer layer_of(enum md_source source)
{
    static const enum gov_config_layer layers[] = {
        [MD_SOURCE_DEFAULT] = GOV_LAYER_DEFAULT,
        [MD_SOURCE_FILE] = GOV_LAYER_FILE,
        [MD_SOURCE_ENVIRONMENT] = GOV_LAYER_ENVIRONMENT,
        [MD_SOURCE_COMMAND_LINE] = GOV_LAYER_COMMAND_LINE,
    };
    return layers[source];
}

static int set_key(struct md_args *args, const struct gov_config_key *key, const char *text,
                   enum md_source source, const char *where, struct md_failure *failure)
{
    char why[200] = "";
    int error = gov_config_sources_set(&args->memory, layer_of(source), where, key->name, text, why,
                                       sizeof why);
    return error < 0 ? md_fail(failure, MD_ERR_INPUT, "%s cannot be \"%s\": %s", key->name, text,
                               why[0] ? why : gov_error_text(error))
                     : MD_OK;
}

static int set_preset(struct md_args *args, const char *text, enum md_source source,
                      struct md_failure *failure)
{
    char why[200] = "";
    int error =
        gov_config_sources_preset(&args->memory, layer_of(source), "", text, why, sizeof why);
    return error < 0 ? md_fail(failure, MD_ERR_INPUT, "preset cannot be \"%s\": %s", text,
                               why[0] ? why : gov_error_text(error))
                     : MD_OK;
}

static int set(struct md_args *args, const struct md_option *option, const char *text,
               enum md_source source, struct md_failure *failure)
{
    if (strcmp(option->name, "preset") == 0 && set_preset(args, text, source, failure) < 0)
        return MD_ERR_INPUT;
    int r = md_options_set(&args->options, option, text, failure);
    if (r == MD_OK)
        args->source[option - md_option_table()] = (unsigned char)source;
    return r;
}

/* --- config file --- */

struct reading {
    struct md_args *args;
    const char *path;
    struct md_failure *failure;
    int code;
};

/* Sections are for the reader's eye only; names are unique. */
static int on_entry(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct md_failure why;
    (void)section;
    if (reading->code < 0)
        return 1;
    const struct md_option *option = md_option_find(name);
    const struct gov_config_key *key = option ? NULL : find_key(name);
    if (key) {
        reading->code =
            set_key(reading->args, key, value, MD_SOURCE_FILE, md_path_base(reading->path), &why);
        if (reading->code < 0)
            md_fail(reading->failure, reading->code, "%s: %s", reading->path, why.message);
    } else if (!option || strcmp(name, "config") == 0) {
        reading->code = md_fail(reading->failure, MD_ERR_INPUT, "%s: there is no option \"%s\"",
                                reading->path, name);
    } else {
        reading->code = set(reading->args, option, value, MD_SOURCE_FILE, &why);
        if (reading->code < 0)
            md_fail(reading->failure, reading->code, "%s: %s", reading->path, why.message);
    }
    return 1;
}

static int read_config(struct md_args *args, const char *path, struct md_failure *failure)
{
    enum { MAX_CONFIG_BYTES = 1 << 20 };
    md_autofree char *text = NULL;
    struct reading reading = {args, path, failure, MD_OK};
    int r = md_file_read(path, MAX_CONFIG_BYTES, &text, NULL, failure);
    if (r < 0)
        return r;
    int line = ini_parse_string(text, on_entry, &reading);
    if (reading.code < 0)
        return reading.code;
    if (line != 0)
        return md_fail(failure, MD_ERR_INPUT,
                       "%s line %d cannot be read: \"name = value\" is wanted", path, line);
    return MD_OK;
}

/* $XDG_CONFIG_HOME/moviedigest.ini, else ~/.config/moviedigest.ini; NULL when neither is set. */
static char *usual_config(char *(*get_env)(const char *name))
{
    const char *folder = get_env("XDG_CONFIG_HOME");
    if (folder && folder[0] == '/')
        return md_path_join(folder, "moviedigest.ini");
    const char *home = get_env("HOME");
    return home && home[0] ? md_path_join(home, ".config/moviedigest.ini") : NULL;
}

/* A file that was named must be there; the usual one need not. */
static int apply_config(struct md_args *args, const char *named, char *(*get_env)(const char *name),
                        struct md_failure *failure)
{
    md_autofree char *path = named ? strdup(named) : usual_config(get_env);
    if (!path)
        return named ? md_fail(failure, MD_ERR_NOMEM, "out of memory") : MD_OK;
    int r = read_config(args, path, failure);
    if (r == MD_ERR_NOTFOUND && !named)
        return MD_OK;
    if (r == MD_OK)
        args->config_file = md_take_ptr(path);
    return r;
}

/* --- environment --- */

void md_args_env_name(const char *option, char out[64])
{
    size_t n = (size_t)snprintf(out, 64, "MOVIEDIGEST_%s", option);
    for (size_t i = 0; i < n && i < 63; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

static int apply_environment(struct md_args *args, char *(*get_env)(const char *name),
                             struct md_failure *failure)
{
    for (const struct md_option *o = md_option_table(); o->name; o++) {
        char name[64];
        struct md_failure why;
        md_args_env_name(o->name, name);
        const char *value = get_env(name);
        if (!value)
            continue;
        int r = set(args, o, value, MD_SOURCE_ENVIRONMENT, &why);
        if (r < 0)
            return md_fail(failure, r, "%s: %s", name, why.message);
    }
    size_t count;
    const struct gov_config_key *keys = gov_config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        struct md_failure why;
        md_args_env_name(keys[i].name, name);
        const char *value = get_env(name);
        if (value && set_key(args, &keys[i], value, MD_SOURCE_ENVIRONMENT, name, &why) < 0)
            return md_fail(failure, MD_ERR_INPUT, "%s: %s", name, why.message);
    }
    return MD_OK;
}

/* --- command line --- */

static const struct md_option *find_letter(char letter)
{
    for (const struct md_option *o = md_option_table(); o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* What one word of argv turned out to be. */
struct word {
    const struct md_option *option;   /* NULL: not an option */
    const struct gov_config_key *key; /* of the governor; NULL: none */
    const char *value;                /* NULL: takes the next word */
    bool is_help;
};

static bool is_switch(const struct md_option *option)
{
    return option->kind == MD_OPTION_FLAG;
}

static int read_long(const char *text, struct word *ret, struct md_failure *failure)
{
    char name[64];
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    if (n >= sizeof name)
        return md_fail(failure, MD_ERR_INPUT, "there is no option --%s", text);
    memcpy(name, text, n);
    name[n] = '\0';
    if (strcmp(name, "help") == 0) {
        *ret = (struct word){.is_help = true};
        return MD_OK;
    }
    const struct md_option *option = md_option_find(name);
    const struct md_option *negated =
        strncmp(name, "no-", 3) == 0 && !equals ? md_option_find(name + 3) : NULL;
    if (option)
        *ret = (struct word){option, NULL,
                             equals              ? equals + 1
                             : is_switch(option) ? "yes"
                                                 : NULL,
                             false};
    else if (find_key(name))
        *ret = (struct word){.key = find_key(name), .value = equals ? equals + 1 : NULL};
    else if (negated && is_switch(negated))
        *ret = (struct word){.option = negated, .value = "no"};
    else if (negated && strcmp(negated->name, "progress") == 0)
        *ret = (struct word){.option = negated, .value = "never"};
    else
        return md_fail(failure, MD_ERR_INPUT, "there is no option --%s; see moviedigest run --help",
                       name);
    return MD_OK;
}

static int read_short(const char *text, struct word *ret, struct md_failure *failure)
{
    if (text[0] == 'h') {
        *ret = (struct word){.is_help = true};
        return MD_OK;
    }
    const struct md_option *option = find_letter(text[0]);
    if (!option || (is_switch(option) && text[1]))
        return md_fail(failure, MD_ERR_INPUT, "there is no option -%s; see moviedigest run --help",
                       text);
    *ret = (struct word){.option = option,
                         .value = text[1]             ? text + 1
                                  : is_switch(option) ? "yes"
                                                      : NULL};
    return MD_OK;
}

/* Calls back for every option and path on the command line. */
static int walk(int argc, char *const *argv, struct md_args *args, bool only_find_config,
                const char **ret_config, struct md_failure *failure)
{
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        struct word word = {0};
        int r = MD_OK;
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
            continue;
        }
        bool dashed = !options_ended && argv[i][0] == '-' && argv[i][1];
        if (dashed)
            r = argv[i][1] == '-' ? read_long(argv[i] + 2, &word, failure)
                                  : read_short(argv[i] + 1, &word, failure);
        if (r < 0)
            return r;
        if ((word.option || word.key) && !word.value && ++i == argc)
            return md_fail(failure, MD_ERR_INPUT, "option --%s wants a value (%s)",
                           word.option ? word.option->name : word.key->name,
                           word.option ? word.option->metavar : word.key->help);
        const char *value = word.value ? word.value : argv[i];
        if (only_find_config) {
            if (word.option && strcmp(word.option->name, "config") == 0)
                *ret_config = value;
            continue;
        }
        args->help |= word.is_help;
        if (word.option)
            r = set(args, word.option, value, MD_SOURCE_COMMAND_LINE, failure);
        else if (word.key)
            r = set_key(args, word.key, value, MD_SOURCE_COMMAND_LINE, "", failure);
        else if (!dashed)
            r = md_vec_push(&args->paths, value);
        if (r < 0)
            return r;
    }
    return MD_OK;
}

int md_args_parse(struct md_args *args, int argc, char *const *argv,
                  char *(*get_env)(const char *name), struct md_failure *failure)
{
    *args = (struct md_args){0};
    const char *config = NULL;
    char why[200] = "";
    gov_config_sources_init(&args->memory);
    int r = md_options_init(&args->options);
    if (r < 0)
        return md_fail(failure, r, "out of memory");
    /* The config file is named on the command line or in the environment but is applied first. */
    r = walk(argc, argv, args, true, &config, failure);
    if (r == MD_OK && !config)
        config = get_env("MOVIEDIGEST_CONFIG");
    if (r == MD_OK)
        r = apply_config(args, config && *config ? config : NULL, get_env, failure);
    if (r == MD_OK)
        r = apply_environment(args, get_env, failure);
    if (r == MD_OK)
        r = walk(argc, argv, args, false, NULL, failure);
    if (r == MD_OK && gov_config_sources_resolve(&args->memory, 0, why, sizeof why) < 0)
        r = md_fail(failure, MD_ERR_INPUT, "the memory governor's settings make no sense: %s", why);
    if (r < 0)
        md_args_done(args);
    return r;
}

void md_args_done(struct md_args *args)
{
    md_options_done(&args->options);
    md_vec_done(&args->paths);
    free(args->config_file);
    *args = (struct md_args){0};
}
