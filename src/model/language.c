/* One table of the ISO 639-1 languages and some common others (facts of ISO 639-2, registration
 * authority: Library of Congress); looked up by walking it, as this happens a few times a movie. */
#include "model/language.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

struct language {
    char alpha2[3], alpha3[4], bibliographic[4]; /* "de", "deu", "ger"; alpha2 may be "" */
    const char *name;
};

static const struct language languages[] = {
    // clang-format off
    {"aa", "aar", "aar", "Afar"},
    {"ab", "abk", "abk", "Abkhazian"},
    {"af", "afr", "afr", "Afrikaans"},
    {"ak", "aka", "aka", "Akan"},
    {"am", "amh", "amh", "Amharic"},
    {"", "ang", "ang", "Old English"},
    {"ar", "ara", "ara", "Arabic"},
    {"an", "arg", "arg", "Aragonese"},
    {"as", "asm", "asm", "Assamese"},
    {"", "ast", "ast", "Asturian"},
    {"av", "ava", "ava", "Avaric"},
    {"ae", "ave", "ave", "Avestan"},
    {"ay", "aym", "aym", "Aymara"},
    {"az", "aze", "aze", "Azerbaijani"},
    {"ba", "bak", "bak", "Bashkir"},
    {"bm", "bam", "bam", "Bambara"},
    {"be", "bel", "bel", "Belarusian"},
    {"bn", "ben", "ben", "Bengali"},
    {"bh", "bih", "bih", "Bihari languages"},
    {"bi", "bis", "bis", "Bislama"},
    {"bo", "bod", "tib", "Tibetan"},
    {"bs", "bos", "bos", "Bosnian"},
    {"br", "bre", "bre", "Breton"},
    {"bg", "bul", "bul", "Bulgarian"},
    {"ca", "cat", "cat", "Catalan"},
    {"", "ceb", "ceb", "Cebuano"},
    {"cs", "ces", "cze", "Czech"},
    {"ch", "cha", "cha", "Chamorro"},
    {"ce", "che", "che", "Chechen"},
    {"", "chr", "chr", "Cherokee"},
    {"cu", "chu", "chu", "Church Slavic"},
    {"cv", "chv", "chv", "Chuvash"},
    {"", "cmn", "cmn", "Mandarin"},
    {"kw", "cor", "cor", "Cornish"},
    {"co", "cos", "cos", "Corsican"},
    {"cr", "cre", "cre", "Cree"},
    {"cy", "cym", "wel", "Welsh"},
    {"da", "dan", "dan", "Danish"},
    {"de", "deu", "ger", "German"},
    {"dv", "div", "div", "Divehi"},
    {"", "dsb", "dsb", "Lower Sorbian"},
    {"dz", "dzo", "dzo", "Dzongkha"},
    {"", "egy", "egy", "Egyptian"},
    {"el", "ell", "gre", "Greek"},
    {"en", "eng", "eng", "English"},
    {"eo", "epo", "epo", "Esperanto"},
    {"et", "est", "est", "Estonian"},
    {"eu", "eus", "baq", "Basque"},
    {"ee", "ewe", "ewe", "Ewe"},
    {"fo", "fao", "fao", "Faroese"},
    {"fa", "fas", "per", "Persian"},
    {"fj", "fij", "fij", "Fijian"},
    {"", "fil", "fil", "Filipino"},
    {"fi", "fin", "fin", "Finnish"},
    {"fr", "fra", "fre", "French"},
    {"fy", "fry", "fry", "Western Frisian"},
    {"ff", "ful", "ful", "Fulah"},
    {"", "fur", "fur", "Friulian"},
    {"gd", "gla", "gla", "Gaelic"},
    {"ga", "gle", "gle", "Irish"},
    {"gl", "glg", "glg", "Galician"},
    {"gv", "glv", "glv", "Manx"},
    {"", "grc", "grc", "Ancient Greek"},
    {"gn", "grn", "grn", "Guarani"},
    {"", "gsw", "gsw", "Swiss German"},
    {"gu", "guj", "guj", "Gujarati"},
    {"ht", "hat", "hat", "Haitian"},
    {"ha", "hau", "hau", "Hausa"},
    {"", "haw", "haw", "Hawaiian"},
    {"he", "heb", "heb", "Hebrew"},
    {"hz", "her", "her", "Herero"},
    {"hi", "hin", "hin", "Hindi"},
    {"", "hmn", "hmn", "Hmong"},
    {"ho", "hmo", "hmo", "Hiri Motu"},
    {"hr", "hrv", "hrv", "Croatian"},
    {"", "hsb", "hsb", "Upper Sorbian"},
    {"hu", "hun", "hun", "Hungarian"},
    {"hy", "hye", "arm", "Armenian"},
    {"ig", "ibo", "ibo", "Igbo"},
    {"io", "ido", "ido", "Ido"},
    {"ii", "iii", "iii", "Sichuan Yi"},
    {"iu", "iku", "iku", "Inuktitut"},
    {"ie", "ile", "ile", "Interlingue"},
    {"ia", "ina", "ina", "Interlingua"},
    {"id", "ind", "ind", "Indonesian"},
    {"ik", "ipk", "ipk", "Inupiaq"},
    {"is", "isl", "ice", "Icelandic"},
    {"it", "ita", "ita", "Italian"},
    {"jv", "jav", "jav", "Javanese"},
    {"ja", "jpn", "jpn", "Japanese"},
    {"kl", "kal", "kal", "Kalaallisut"},
    {"kn", "kan", "kan", "Kannada"},
    {"ks", "kas", "kas", "Kashmiri"},
    {"ka", "kat", "geo", "Georgian"},
    {"kr", "kau", "kau", "Kanuri"},
    {"kk", "kaz", "kaz", "Kazakh"},
    {"km", "khm", "khm", "Central Khmer"},
    {"ki", "kik", "kik", "Kikuyu"},
    {"rw", "kin", "kin", "Kinyarwanda"},
    {"ky", "kir", "kir", "Kirghiz"},
    {"kv", "kom", "kom", "Komi"},
    {"kg", "kon", "kon", "Kongo"},
    {"ko", "kor", "kor", "Korean"},
    {"kj", "kua", "kua", "Kuanyama"},
    {"ku", "kur", "kur", "Kurdish"},
    {"", "lad", "lad", "Ladino"},
    {"lo", "lao", "lao", "Lao"},
    {"la", "lat", "lat", "Latin"},
    {"lv", "lav", "lav", "Latvian"},
    {"li", "lim", "lim", "Limburgan"},
    {"ln", "lin", "lin", "Lingala"},
    {"lt", "lit", "lit", "Lithuanian"},
    {"lb", "ltz", "ltz", "Luxembourgish"},
    {"lu", "lub", "lub", "Luba-Katanga"},
    {"lg", "lug", "lug", "Ganda"},
    {"mh", "mah", "mah", "Marshallese"},
    {"ml", "mal", "mal", "Malayalam"},
    {"mr", "mar", "mar", "Marathi"},
    {"mk", "mkd", "mac", "Macedonian"},
    {"mg", "mlg", "mlg", "Malagasy"},
    {"mt", "mlt", "mlt", "Maltese"},
    {"mn", "mon", "mon", "Mongolian"},
    {"mi", "mri", "mao", "Maori"},
    {"ms", "msa", "may", "Malay"},
    {"", "mul", "mul", "Multiple languages"},
    {"my", "mya", "bur", "Burmese"},
    {"na", "nau", "nau", "Nauru"},
    {"nv", "nav", "nav", "Navajo"},
    {"nr", "nbl", "nbl", "Ndebele, South"},
    {"nd", "nde", "nde", "Ndebele, North"},
    {"ng", "ndo", "ndo", "Ndonga"},
    {"", "nds", "nds", "Low German"},
    {"ne", "nep", "nep", "Nepali"},
    {"nl", "nld", "dut", "Dutch"},
    {"nn", "nno", "nno", "Norwegian Nynorsk"},
    {"nb", "nob", "nob", "Norwegian Bokmål"},
    {"no", "nor", "nor", "Norwegian"},
    {"ny", "nya", "nya", "Chichewa"},
    {"oc", "oci", "oci", "Occitan"},
    {"oj", "oji", "oji", "Ojibwa"},
    {"or", "ori", "ori", "Oriya"},
    {"om", "orm", "orm", "Oromo"},
    {"os", "oss", "oss", "Ossetian"},
    {"pa", "pan", "pan", "Panjabi"},
    {"pi", "pli", "pli", "Pali"},
    {"pl", "pol", "pol", "Polish"},
    {"pt", "por", "por", "Portuguese"},
    {"ps", "pus", "pus", "Pushto"},
    {"qu", "que", "que", "Quechua"},
    {"rm", "roh", "roh", "Romansh"},
    {"ro", "ron", "rum", "Romanian"},
    {"rn", "run", "run", "Rundi"},
    {"ru", "rus", "rus", "Russian"},
    {"sg", "sag", "sag", "Sango"},
    {"", "sah", "sah", "Yakut"},
    {"sa", "san", "san", "Sanskrit"},
    {"", "sco", "sco", "Scots"},
    {"", "sgn", "sgn", "Sign language"},
    {"si", "sin", "sin", "Sinhala"},
    {"sk", "slk", "slo", "Slovak"},
    {"sl", "slv", "slv", "Slovenian"},
    {"se", "sme", "sme", "Northern Sami"},
    {"sm", "smo", "smo", "Samoan"},
    {"sn", "sna", "sna", "Shona"},
    {"sd", "snd", "snd", "Sindhi"},
    {"so", "som", "som", "Somali"},
    {"st", "sot", "sot", "Sotho, Southern"},
    {"es", "spa", "spa", "Spanish"},
    {"sq", "sqi", "alb", "Albanian"},
    {"sc", "srd", "srd", "Sardinian"},
    {"sr", "srp", "srp", "Serbian"},
    {"ss", "ssw", "ssw", "Swati"},
    {"su", "sun", "sun", "Sundanese"},
    {"sw", "swa", "swa", "Swahili"},
    {"sv", "swe", "swe", "Swedish"},
    {"", "syr", "syr", "Syriac"},
    {"ty", "tah", "tah", "Tahitian"},
    {"ta", "tam", "tam", "Tamil"},
    {"tt", "tat", "tat", "Tatar"},
    {"te", "tel", "tel", "Telugu"},
    {"tg", "tgk", "tgk", "Tajik"},
    {"tl", "tgl", "tgl", "Tagalog"},
    {"th", "tha", "tha", "Thai"},
    {"ti", "tir", "tir", "Tigrinya"},
    {"to", "ton", "ton", "Tonga"},
    {"tn", "tsn", "tsn", "Tswana"},
    {"ts", "tso", "tso", "Tsonga"},
    {"tk", "tuk", "tuk", "Turkmen"},
    {"tr", "tur", "tur", "Turkish"},
    {"tw", "twi", "twi", "Twi"},
    {"ug", "uig", "uig", "Uighur"},
    {"uk", "ukr", "ukr", "Ukrainian"},
    {"ur", "urd", "urd", "Urdu"},
    {"uz", "uzb", "uzb", "Uzbek"},
    {"ve", "ven", "ven", "Venda"},
    {"vi", "vie", "vie", "Vietnamese"},
    {"vo", "vol", "vol", "Volapük"},
    {"wa", "wln", "wln", "Walloon"},
    {"wo", "wol", "wol", "Wolof"},
    {"xh", "xho", "xho", "Xhosa"},
    {"yi", "yid", "yid", "Yiddish"},
    {"yo", "yor", "yor", "Yoruba"},
    {"", "yue", "yue", "Cantonese"},
    {"za", "zha", "zha", "Zhuang"},
    {"zh", "zho", "chi", "Chinese"},
    {"zu", "zul", "zul", "Zulu"},
    {"", "zxx", "zxx", "No linguistic content"},
    // clang-format on
};

/* The words people and taggers use beside the codes. */
static const struct {
    const char *word, *alpha3;
} other_names[] = {
    {"castilian", "spa"},
    {"farsi", "fas"},
    {"flemish", "nld"},
    {"mandarin chinese", "cmn"},
    {"brazilian", "por"},
    {"deutsch", "deu"},
    {"francais", "fra"},
    {"fran\xc3\xa7"
     "ais",
     "fra"},
    {"espanol", "spa"},
    {"espa\xc3\xb1ol", "spa"},
    {"italiano", "ita"},
    {"tagalog", "tgl"},
    {"portugues", "por"},
    {"portugu\xc3\xaas", "por"},
    {"nederlands", "nld"},
    {"svenska", "swe"},
    {"dansk", "dan"},
    {"norsk", "nor"},
    {"suomi", "fin"},
    {"polski", "pol"},
    {"slovene", "slv"},
    {"gaelic", "gla"},
    {"filipino", "fil"},
    {"punjabi", "pan"},
};

/* "en-US", "pt_BR": the region does not matter here. */
static size_t primary_length(const char *text)
{
    size_t n = strcspn(text, "-_@.");
    return n == 2 || n == 3 ? n : strlen(text);
}

static bool equals(const char *word, const char *text, size_t n)
{
    return strlen(word) == n && strncasecmp(word, text, n) == 0;
}

static const struct language *find(const char *text, size_t length)
{
    size_t n = primary_length(text);
    if (n > length)
        n = length;
    for (size_t i = 0; n > 0 && i < MD_ARRAY_LEN(languages); i++) {
        const struct language *l = &languages[i];
        if (equals(l->alpha3, text, n) || equals(l->bibliographic, text, n) ||
            equals(l->alpha2, text, n) || equals(l->name, text, n))
            return l;
    }
    for (size_t i = 0; i < MD_ARRAY_LEN(other_names); i++)
        if (equals(other_names[i].word, text, n))
            return find(other_names[i].alpha3, 3);
    return NULL;
}

static void trim(const char **text, size_t *n)
{
    while (*n > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*n)--;
    }
    while (*n > 0 && ((*text)[*n - 1] == ' ' || (*text)[*n - 1] == '\t'))
        (*n)--;
}

static bool same(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const struct language *x = find(a, a_length), *y = find(b, b_length);
    if (x || y)
        return x == y;
    return a_length > 0 && a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

const char *md_language_code(const char *text)
{
    size_t n = strlen(text);
    trim(&text, &n);
    const struct language *l = find(text, n);
    return l ? l->alpha3 : NULL;
}

const char *md_language_name(const char *text)
{
    size_t n = strlen(text);
    trim(&text, &n);
    const struct language *l = find(text, n);
    return l ? l->name : NULL;
}

bool md_language_same(const char *a, const char *b)
{
    return same(a, strlen(a), b, strlen(b));
}

int md_language_rank(const char *wanted, const char *language)
{
    if (!wanted || !language)
        return -1;
    size_t length = strlen(language);
    trim(&language, &length);
    for (int rank = 0;; rank++) {
        size_t n = strcspn(wanted, ",");
        const char *item = wanted;
        size_t item_length = n;
        trim(&item, &item_length);
        if (same(item, item_length, language, length))
            return rank;
        if (!wanted[n])
            return -1;
        wanted += n + 1;
    }
}
