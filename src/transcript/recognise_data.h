/* Private to recognise.c: what is known of each language. */
#ifndef MD_TRANSCRIPT_RECOGNISE_DATA_H
#define MD_TRANSCRIPT_RECOGNISE_DATA_H

enum md_script {
    MD_SCRIPT_LATIN,
    MD_SCRIPT_GREEK,
    MD_SCRIPT_CYRILLIC,
    MD_SCRIPT_HEBREW,
    MD_SCRIPT_ARABIC,
    MD_SCRIPT_DEVANAGARI,
    MD_SCRIPT_THAI,
    MD_SCRIPT_HANGUL,
    MD_SCRIPT_KANA,
    MD_SCRIPT_HAN,
    MD_SCRIPTS,
};

struct md_language_traits {
    const char *code;    /* ISO 639-1 */
    int script;          /* enum md_script */
    const char *letters; /* lower-case letters beyond ASCII (Latin) or beyond the usual ones */
    /* Lower-case words of everyday speech between blanks; for scripts without blanks the most
     * frequent characters. */
    const char *common;
};

extern const struct md_language_traits md_language_traits[]; /* ended by one without a code */

#endif
