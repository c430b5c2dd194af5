/* Sentences as bags of terms: stems of the words that carry a topic. */
#ifndef MD_STORY_TOPICS_H
#define MD_STORY_TOPICS_H

#include "model/story.h"
#include "story/sentences.h"
#include "story/terms.h"

struct md_sentence_terms {
    size_t first, n; /* in tokens, sorted by id, repetitions kept */
    size_t words;    /* all words, stop words too */
    size_t topical;  /* terms that are no names */
    float norm;      /* length of the tf-idf vector; 0 without terms */
};
struct md_sentence_terms_vec MD_VEC(struct md_sentence_terms);
struct md_tokens MD_VEC(uint32_t);

struct md_term_use {
    uint32_t sentences; /* how many hold it */
    uint32_t total;     /* occurrences */
    float idf;          /* ln(1 + N / sentences), less for names */
    bool name;          /* part of a character's name */
    uint32_t inside;    /* occurrences not at the start of a sentence … */
    uint32_t capital;   /* … and those of them written with a capital */
    uint32_t form;      /* id in `forms` of the word as most often written */
};
struct md_term_use_vec MD_VEC(struct md_term_use);

struct md_topics {
    struct md_terms stems, forms;
    struct md_term_use_vec use; /* by stem id */
    struct md_tokens tokens;    /* stem ids */
    struct md_sentence_terms_vec sentences;
};

/* names: lower-case words of the characters' names, which people say all the time and which
 * therefore weigh little. Fills a zeroed struct; free with md_topics_done whatever happens.
 * MD_ERR_NOMEM. */
int md_topics_build(const struct md_sentence_vec *sentences, const struct md_text_traits *traits,
                    const struct md_terms *names, struct md_topics *ret);
void md_topics_done(struct md_topics *topics);

/* Cosine of two sentences' tf-idf vectors, 0 to 1. */
float md_topics_similarity(const struct md_topics *topics, size_t a, size_t b);

#endif
