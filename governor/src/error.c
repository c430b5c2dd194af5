/* Names and texts from the one list in gov/error.h, so that none can be forgotten. */
#include <gov/error.h>

const char *gov_error_name(int error)
{
    switch (error) {
    case GOV_OK:
        return "GOV_OK";
#define CASE_NAME(name, code, text)                                                                \
    case GOV_E_##name:                                                                             \
        return "GOV_E_" #name;
        GOV_ERROR_MAP(CASE_NAME)
#undef CASE_NAME
    default:
        return "GOV_E_?";
    }
}

const char *gov_error_text(int error)
{
    switch (error) {
    case GOV_OK:
        return "no error";
#define CASE_TEXT(name, code, text)                                                                \
    case GOV_E_##name:                                                                             \
        return text;
        GOV_ERROR_MAP(CASE_TEXT)
#undef CASE_TEXT
    default:
        return "unknown error";
    }
}
