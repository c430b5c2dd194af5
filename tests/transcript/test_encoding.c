/* Subtitles in any character set are read; the language is recognised from the words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "transcript/encoding.h"
#include "transcript/recognise.h"

/* Dialogue in each language, and the character sets it is met in. */
static const struct sample {
    const char *language; /* ISO 639-2/T */
    const char *text;
    const char *sets[6];
} samples[] = {
    {"eng",
     "Where have you been all night?\nI don't know what you're talking about.\nThe café was "
     "closed, so I went home with them.\nYou can't just leave me here like that – not again.",
     {"WINDOWS-1252", "ISO-8859-1"}},
    {"deu",
     "Ich weiß nicht, was du meinst.\nWir müssen jetzt gehen, sonst kommen wir zu spät.\nDas ist "
     "nicht möglich, er war doch gestern noch hier.\nHast du die Tür geschlossen?",
     {"WINDOWS-1252", "ISO-8859-1", "CP850"}},
    {"fra",
     "Je ne sais pas où elle est allée.\nVous êtes sûr que c'est lui qui a fait ça?\nÇa va, "
     "il était là hier avec sa mère.\nOn n'a plus le temps, il faut partir.",
     {"WINDOWS-1252", "ISO-8859-15"}},
    {"spa",
     "¿Qué estás haciendo aquí?\nNo lo sé, pero tengo que hablar con él mañana.\nEstá bien, "
     "no pasa nada. Ya nos vamos.\n¡Dímelo ahora mismo, por favor!",
     {"WINDOWS-1252", "ISO-8859-1"}},
    {"por",
     "Não sei o que você está fazendo aqui.\nEle não pode ir embora com a gente, então vamos "
     "só nós.\nIsso é muito bom, mas eu também não vou.\nObrigado, está tudo bem.",
     {"WINDOWS-1252", "ISO-8859-1"}},
    {"ita",
     "Non so perché sei venuto qui.\nChe cosa è successo? Dov'è mio fratello?\nÈ più "
     "facile così, ma non si può fare.\nCi vediamo alla stazione con gli altri.",
     {"WINDOWS-1252", "ISO-8859-1"}},
    {"swe",
     "Jag vet inte vad du pratar om.\nVi måste gå nu, annars är det för sent.\nHan var här "
     "igår men jag såg honom inte.\nVarför är du så rädd för mig?",
     {"WINDOWS-1252", "ISO-8859-1"}},
    {"pol",
     "Nie wiem, o co ci chodzi.\nMusimy już iść, bo będzie za późno.\nDlaczego mi tego nie "
     "powiedziałeś? Proszę cię.\nTo jest bardzo dobrze, że jesteś z nami, chcę żebyś został.",
     {"WINDOWS-1250", "ISO-8859-2"}},
    {"ces",
     "Nevím, o čem to mluvíš.\nMusíme už jít, protože jinak bude pozdě.\nProč jsi mi to "
     "neřekl, když jsme tady byli? Řekni něco.\nMyslíš, že je to možné? Já ne, ale možná jo.",
     {"WINDOWS-1250", "ISO-8859-2"}},
    {"hun",
     "Nem tudom, hogy miről beszélsz.\nMost már mennünk kell, mert késő van.\nMiért nem "
     "mondtad el nekem, hogy ő is itt lesz?\nJól van, de ez nem az, amit én akarok. Tűnj el!",
     {"WINDOWS-1250", "ISO-8859-2"}},
    {"tur",
     "Ne demek istediğini bilmiyorum.\nŞimdi gitmemiz lazım, yoksa çok geç olacak.\nBunu bana "
     "neden söylemedin? Bu çok iyi değil.\nO burada değil, ama ben seni bekliyordum.",
     {"WINDOWS-1254"}},
    {"rus",
     "Я не знаю, что ты имеешь в виду.\nНам надо идти, а то будет поздно.\nПочему ты мне "
     "этого не сказал? Он был здесь.\nЭто всё, что у меня есть, но ты можешь взять его.",
     {"WINDOWS-1251", "KOI8-R", "CP866"}},
    {"ukr",
     "Я не знаю, що ти маєш на увазі.\nНам треба йти, бо буде пізно.\nЧому ти мені цього не "
     "сказав? Він був тут, як і ми всі.\nЦе все, що у мене є, але ти можеш взяти його.",
     {"WINDOWS-1251"}},
    {"bul",
     "Не знам какво искаш да кажеш.\nТрябва да тръгваме, защото ще стане късно.\nЗащо не ми "
     "каза това? Той беше тук, но аз не го видях.\nТова е всичко, което имам, но ти можеш да го "
     "вземеш.",
     {"WINDOWS-1251"}},
    {"ell",
     "Δεν ξέρω τι εννοείς.\nΠρέπει να φύγουμε τώρα, γιατί θα είναι αργά.\nΓιατί δεν μου το "
     "είπες; Αυτός ήταν εδώ με την αδελφή του.\nΕίναι όλα καλά, αλλά εγώ δεν θα έρθω.",
     {"WINDOWS-1253", "ISO-8859-7"}},
    {"heb",
     "אני לא יודע על מה אתה מדבר.\nאנחנו צריכים ללכת עכשיו, אז בוא.\nלמה לא אמרת לי את זה? "
     "הוא היה כאן.\nזה כל מה שיש לי, אבל אתה יכול לקחת את זה.",
     {"WINDOWS-1255"}},
    {"ara",
     "أنا لا أعرف ماذا تقصد.\nيجب أن نذهب الآن من هنا.\nلماذا لم تقل لي ذلك؟ لقد كان هنا.\nهذا "
     "كل ما أملك، لكن يمكنك أن تأخذ هذا.",
     {"WINDOWS-1256"}},
    {"jpn",
     "あなたが何を言っているのか分からない。\nもう行かなきゃ、遅くなるから。\nどうして私に言ってく"
     "れなかったの？\n"
     "彼はここにいたけど、今はいない。大丈夫だ。",
     {"CP932", "EUC-JP", "ISO-2022-JP"}},
    {"zho",
     "我不知道你在说什么。\n我们现在得走了，不然就太晚了。\n你为什么没有告诉我？他昨天还在这里。\n"
     "这是我的一切，但是你可以拿去。没关系，谢谢。",
     {"GBK", "GB18030"}},
    {"zho",
     "我不知道你在說什麼。\n我們現在得走了，不然就太晚了。\n你為什麼沒有告訴我？他昨天還在這裡。\n"
     "這是我的一切，但是你可以拿去。沒關係，謝謝。",
     {"BIG5"}},
    {"kor",
     "무슨 말을 하는 건지 모르겠어.\n이제 가야 해, 안 그러면 너무 늦을 거야.\n왜 나한테 말하지 "
     "않았어?\n그는 여기 "
     "있었지만 지금은 없어. 괜찮아, 고마워요.",
     {"EUC-KR", "CP949"}},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static char *encode(const char *set, const char *text, size_t *ret_n)
{
    iconv_t cd = iconv_open(set, "UTF-8");
    assert_true(cd != (iconv_t)-1);
    size_t left = strlen(text), room = left * 4 + 16;
    char *bytes = malloc(room), *in = (char *)text, *out = bytes;
    assert_non_null(bytes);
    assert_int_equal(iconv(cd, &in, &left, &out, &room), 0);
    iconv(cd, NULL, NULL, &out, &room); /* back to the initial shift state */
    iconv_close(cd);
    *ret_n = (size_t)(out - bytes);
    return bytes;
}

/* As a subtitle file has it: with numbers and times around each line. */
static char *as_srt(const char *text)
{
    char *srt = calloc(1, strlen(text) + 400), *at = srt;
    assert_non_null(srt);
    for (int i = 1; *text; i++) {
        size_t n = strcspn(text, "\n");
        at += sprintf(at, "%d\r\n00:00:%02d,000 --> 00:00:%02d,500\r\n%.*s\r\n\r\n", i, i * 3,
                      i * 3 + 2, (int)n, text);
        text += n + (text[n] != '\0');
    }
    return srt;
}

static void expect_decoded(const char *bytes, size_t n, const char *text, const char *what)
{
    struct md_encoding_result result = {0};
    assert_int_equal(md_encoding_decode(bytes, n, NULL, &result), MD_OK);
    if (strcmp(result.text, text) != 0)
        fail_msg("%s was read as %s:\n%s", what, result.name, result.text);
    assert_int_equal(result.n, strlen(text));
    assert_false(result.guessed_badly);
    free(result.text);
}

static void every_character_set_is_found_without_a_hint(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        char *srt = as_srt(samples[i].text);
        for (int s = 0; s < 6 && samples[i].sets[s]; s++) {
            /* A dash or quote the set lacks is not its test. */
            char *plain = strdup(srt);
            for (char *p; (p = strstr(plain, "–")) != NULL;)
                memcpy(p, "   ", 3);
            size_t n;
            char *bytes = encode(samples[i].sets[s], plain, &n);
            expect_decoded(bytes, n, plain, samples[i].sets[s]);
            free(bytes);
            free(plain);
        }
        free(srt);
    }
}

static void unicode_is_read_with_and_without_marks(void **state)
{
    static const char *const forms[] = {"UTF-8", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"};
    for (int i = 0; i < SAMPLES; i++) {
        char *srt = as_srt(samples[i].text);
        char *marked = calloc(1, strlen(srt) + 4);
        assert_non_null(marked);
        strcat(strcpy(marked, "\xEF\xBB\xBF"), srt);
        for (int f = 0; f < 5; f++) {
            size_t n;
            char *bytes = encode(forms[f], marked, &n);
            expect_decoded(bytes, n, srt, forms[f]);
            size_t mark = f == 0 ? 3 : f < 3 ? 2 : 4;
            if (f < 3) /* nobody writes UTF-32 without a mark */
                expect_decoded(bytes + mark, n - mark, srt, forms[f]);
            free(bytes);
        }
        free(marked);
        free(srt);
    }
}

static void languages_are_recognised(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct md_language_guess guess =
            md_language_recognise(samples[i].text, strlen(samples[i].text), NULL);
        assert_non_null(guess.code);
        if (strcmp(guess.code, samples[i].language) != 0)
            fail_msg("%s taken for %s (%.2f)", samples[i].language, guess.code, guess.score);
        assert_true(guess.score >= MD_LANGUAGE_SURE);
    }
}

static void noise_is_no_language(void **state)
{
    static const char *const noise[] = {"", "12345 67 ... ---", "xqzw brtk vlpn mmgh ptkr wqsd",
                                        "\xEF\xBF\xBD\xEF\xBF\xBD ¤¶§ ±±"};
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
        struct md_language_guess guess = md_language_recognise(noise[i], strlen(noise[i]), NULL);
        assert_true(guess.code == NULL || guess.score < MD_LANGUAGE_SURE);
    }
}

static void damaged_utf8_stays_utf8(void **state)
{
    struct md_encoding_result result = {0};
    char text[] = "Ich wei\xC3\x9F nicht, wo die T\xC3\xBCr ist. Sch\xC3\xB6n f\xC3\xBCr dich, "
                  "\xC3\xA4h, k\xC3\xB6nnen wir dar\xC3\xBC"
                  "ber reden, w\xC3\xA4hrend er \xC3\xBC"
                  "bt? M\xC3\xBCssen wir gr\xC3\xBC\xC3\x9F"
                  "en? Cut off: \xC3";
    assert_int_equal(md_encoding_decode(text, sizeof text - 1, NULL, &result), MD_OK);
    assert_string_equal(result.name, "UTF-8");
    assert_int_equal(result.replaced, 1);
    assert_non_null(strstr(result.text, "T\xC3\xBCr"));
    assert_non_null(strstr(result.text, "Cut off: \xEF\xBF\xBD"));
    free(result.text);
}

static void any_bytes_become_valid_utf8_without_nul(void **state)
{
    unsigned char bytes[3000];
    uint32_t seed = 12345;
    for (int round = 0; round < 50; round++) {
        size_t n = (size_t)round * 60;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (unsigned char)(seed >> 24);
        }
        struct md_encoding_result result = {0};
        assert_int_equal(md_encoding_decode((char *)bytes, n, NULL, &result), MD_OK);
        assert_int_equal(strlen(result.text), result.n);
        assert_true(md_utf8_is_valid(result.text, result.n));
        free(result.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_set_is_found_without_a_hint),
        cmocka_unit_test(unicode_is_read_with_and_without_marks),
        cmocka_unit_test(languages_are_recognised),
        cmocka_unit_test(noise_is_no_language),
        cmocka_unit_test(damaged_utf8_stays_utf8),
        cmocka_unit_test(any_bytes_become_valid_utf8_without_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
