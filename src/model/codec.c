/* Table-driven rather than one hand-written pair per struct: writer, reader and destructor cannot
 * disagree, and one fuzz target covers every artifact. */
#include "model/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct any_vec MD_VEC(char);

static void *at(const void *object, const struct md_field *field)
{
    return (char *)object + field->offset;
}

static json_t *write_array(const struct md_field *field, const void *member);

static json_t *write_field(const struct md_field *field, const void *member)
{
    switch (field->kind) {
    case MD_FIELD_INT:
        return json_integer(*(const int64_t *)member);
    case MD_FIELD_BOOL:
        return json_boolean(*(const bool *)member);
    case MD_FIELD_FLOAT:
        return json_real((double)*(const float *)member);
    case MD_FIELD_DOUBLE:
        return json_real(*(const double *)member);
    case MD_FIELD_STRING:
        return json_string(*(char *const *)member);
    case MD_FIELD_ENUM:
        return json_string(field->names[*(const int *)member]);
    case MD_FIELD_OBJECT:
        return md_codec_write(field->fields, member);
    case MD_FIELD_OBJECTS:
    case MD_FIELD_FLOATS:
    case MD_FIELD_INTS:
    case MD_FIELD_STRINGS:
        return write_array(field, member);
    }
    return NULL;
}

static json_t *write_element(const struct md_field *field, const void *member, size_t i)
{
    switch (field->kind) {
    case MD_FIELD_OBJECTS:
        return md_codec_write(field->fields,
                              ((const struct any_vec *)member)->v + i * field->element_size);
    case MD_FIELD_FLOATS:
        return json_real((double)((const struct md_floats *)member)->v[i]);
    case MD_FIELD_INTS:
        return json_integer(((const struct md_ints *)member)->v[i]);
    default:
        return json_string(((const struct md_strings *)member)->v[i]);
    }
}

static json_t *write_array(const struct md_field *field, const void *member)
{
    json_t *array = json_array();
    size_t n = ((const struct any_vec *)member)->n;
    for (size_t i = 0; array && i < n; i++) {
        if (json_array_append_new(array, write_element(field, member, i)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *md_codec_write(const struct md_field *fields, const void *object)
{
    json_t *json = json_object();
    for (const struct md_field *f = fields; json && f->name; f++) {
        if (f->kind == MD_FIELD_STRING && !*(char **)at(object, f))
            continue;
        if (json_object_set_new(json, f->name, write_field(f, at(object, f))) < 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

static int bad(struct md_failure *failure, const struct md_field *field, const char *why)
{
    return md_fail(failure, MD_ERR_INPUT, "field \"%s\" %s", field->name, why);
}

static int read_int(const struct md_field *f, const json_t *json, int64_t *ret,
                    struct md_failure *failure)
{
    if (!json_is_integer(json))
        return bad(failure, f, "is not an integer");
    int64_t value = json_integer_value(json);
    if (value < f->min || value > f->max)
        return bad(failure, f, "is out of range");
    *ret = value;
    return MD_OK;
}

static int read_double(const struct md_field *f, const json_t *json, double *ret,
                       struct md_failure *failure)
{
    if (!json_is_number(json) || !isfinite(json_number_value(json)))
        return bad(failure, f, "is not a number");
    *ret = json_number_value(json);
    return MD_OK;
}

static int read_string(const struct md_field *f, const json_t *json, char **ret,
                       struct md_failure *failure)
{
    size_t most = f->kind == MD_FIELD_STRING ? (size_t)f->max : 65536;
    if (!json_is_string(json) || json_string_length(json) > most)
        return bad(failure, f, "is not a string, or too long");
    char *copy = strdup(json_string_value(json));
    if (!copy)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    *ret = copy;
    return MD_OK;
}

static int read_enum(const struct md_field *f, const json_t *json, int *ret,
                     struct md_failure *failure)
{
    const char *word = json_string_value(json);
    for (int i = 0; word && f->names[i]; i++) {
        if (strcmp(word, f->names[i]) == 0) {
            *ret = i;
            return MD_OK;
        }
    }
    return bad(failure, f, "is not one of its words");
}

static int read_element(const struct md_field *f, const json_t *json, void *element,
                        struct md_failure *failure)
{
    struct md_field any_int = {.name = f->name, .min = INT64_MIN, .max = INT64_MAX};
    double number = 0;
    int r;
    switch (f->kind) {
    case MD_FIELD_OBJECTS:
        return md_codec_read(f->fields, json, element, failure);
    case MD_FIELD_FLOATS:
        r = read_double(f, json, &number, failure);
        if (r == MD_OK)
            *(float *)element = (float)number;
        return r;
    case MD_FIELD_INTS:
        return read_int(&any_int, json, element, failure);
    default:
        return read_string(f, json, element, failure);
    }
}

static size_t element_size(const struct md_field *f)
{
    switch (f->kind) {
    case MD_FIELD_OBJECTS:
        return f->element_size;
    case MD_FIELD_FLOATS:
        return sizeof(float);
    case MD_FIELD_INTS:
        return sizeof(int64_t);
    default:
        return sizeof(char *);
    }
}

static int read_array(const struct md_field *f, const json_t *json, struct any_vec *vec,
                      struct md_failure *failure)
{
    if (!json_is_array(json) || json_array_size(json) > (size_t)f->max)
        return bad(failure, f, "is not an array, or too long");
    size_t n = json_array_size(json), size = element_size(f);
    if (md_vec_reserve_((void **)&vec->v, &vec->cap, n, size) < 0)
        return md_fail(failure, MD_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        memset(vec->v + i * size, 0, size);
        int r = read_element(f, json_array_get(json, i), vec->v + i * size, failure);
        if (r < 0)
            return r;
        vec->n = i + 1;
    }
    return MD_OK;
}

static int read_field(const struct md_field *f, const json_t *json, void *member,
                      struct md_failure *failure)
{
    double number = 0;
    int r;
    switch (f->kind) {
    case MD_FIELD_INT:
        return read_int(f, json, member, failure);
    case MD_FIELD_BOOL:
        if (!json_is_boolean(json))
            return bad(failure, f, "is not true or false");
        *(bool *)member = json_is_true(json);
        return MD_OK;
    case MD_FIELD_FLOAT:
        r = read_double(f, json, &number, failure);
        if (r == MD_OK)
            *(float *)member = (float)number;
        return r;
    case MD_FIELD_DOUBLE:
        return read_double(f, json, member, failure);
    case MD_FIELD_STRING:
        return read_string(f, json, member, failure);
    case MD_FIELD_ENUM:
        return read_enum(f, json, member, failure);
    case MD_FIELD_OBJECT:
        return md_codec_read(f->fields, json, member, failure);
    default:
        return read_array(f, json, member, failure);
    }
}

int md_codec_read(const struct md_field *fields, const json_t *json, void *object,
                  struct md_failure *failure)
{
    if (!json_is_object(json))
        return md_fail(failure, MD_ERR_INPUT, "a JSON object was expected");
    for (const struct md_field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(json, f->name);
        int r = MD_OK;
        if (value)
            r = read_field(f, value, at(object, f), failure);
        else if (f->required)
            r = bad(failure, f, "is missing");
        if (r < 0) {
            md_codec_done(fields, object);
            return r;
        }
    }
    return MD_OK;
}

static void done_array(const struct md_field *f, struct any_vec *vec)
{
    for (size_t i = 0; i < vec->n; i++) {
        if (f->kind == MD_FIELD_OBJECTS)
            md_codec_done(f->fields, vec->v + i * f->element_size);
        else if (f->kind == MD_FIELD_STRINGS)
            free(((char **)(void *)vec->v)[i]);
    }
    md_vec_done(vec);
}

void md_codec_done(const struct md_field *fields, void *object)
{
    for (const struct md_field *f = fields; f->name; f++) {
        void *member = at(object, f);
        switch (f->kind) {
        case MD_FIELD_STRING:
            free(*(char **)member);
            *(char **)member = NULL;
            break;
        case MD_FIELD_OBJECT:
            md_codec_done(f->fields, member);
            break;
        case MD_FIELD_OBJECTS:
        case MD_FIELD_FLOATS:
        case MD_FIELD_INTS:
        case MD_FIELD_STRINGS:
            done_array(f, member);
            break;
        default:
            break;
        }
    }
}
