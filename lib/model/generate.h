/* generate.h: continuous batching: requests in, finished completions out.
 *
 * A generator has `batch` slots. A request takes a free slot; every step computes one token for
 * each slot that decodes and up to GENERATE_CHUNK prompt tokens of those that still read their
 * prompt, in one forward pass; a slot that ends is free for the next request at once. What a
 * request gets does not depend on the others (model.h), so order and size of the batch change
 * times only.
 *
 * A request generates (max_tokens > 0), or is scored: every token but the first gets its negative
 * log-likelihood under those before it; or embedded: the last hidden states, pooled into one vector
 * or all of them; or classified. Encoders can only do the last two, and get a sequence whole.
 *
 *     struct generator *g = generator_new(model, state, tok, &conf);
 *     while (more requests || generator_active(g)) {
 *         while (generator_has_room(g) && next(&request)) generator_add(g, &request);
 *         generator_step(g, &err);
 *         while ((r = generator_finished(g))) { ...; generator_release(g, r); }
 *     }
 *
 * Not thread-safe. Memory: per slot a cache of prompt + max_tokens positions, kept for the next
 * request.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "../tok/tok.h"
#include "model.h"
#include "sample.h"

#define GENERATE_CHUNK    256 /* prompt tokens per step, over all slots */
#define GENERATE_STOP_MAX 64

struct generator_conf {
    int batch;
    struct sample_conf sample;
    const int64_t *stop_ids; /* end a completion; counted, but not in its text */
    int stop_id_count;
    const slice *stop_texts; /* the completion ends before the first that appears in its text */
    int stop_text_count;
    int64_t (*now_ns)(void); /* the clock of the times in results and totals */
};

enum generate_kind { GENERATE_TEXT, GENERATE_SCORE, GENERATE_EMBED, GENERATE_CLASSIFY };
enum generate_logits { GENERATE_LOGITS_NONE, GENERATE_LOGITS_LAST, GENERATE_LOGITS_ALL };

struct generate_request {
    const uint32_t *ids; /* 1.. ids below the vocabulary; copied */
    ptrdiff_t count;
    int64_t max_tokens;          /* >= 1; count + max_tokens - 1 positions are computed */
    enum generate_kind kind;     /* all requests of a generator have the same */
    enum generate_logits logits; /* of the prompt's last token, or of each, to be kept */
    enum model_pooling pooling;  /* GENERATE_EMBED: NONE, MEAN, CLS or LAST */
    uint64_t rng;                /* sample_seed() */
    void *user;
};

enum generate_finish { GENERATE_STOP, GENERATE_LENGTH };

struct generate_result {
    void *user;
    enum generate_finish finish;
    const uint32_t *ids; /* completion, a stop id at its end too */
    ptrdiff_t count;
    slice text;          /* its bytes; cut before a stop text; not necessarily UTF-8 */
    double nll;          /* score: the sum over count tokens */
    const float *values; /* [rows][columns]: logits that were asked for (columns: the vocabulary),
                            or the embedding (dim), or the classifier's logits (labels) */
    ptrdiff_t rows, columns;
    int64_t added_ns, started_ns, first_ns, last_ns; /* added, first step, prompt read, end */
};

struct generator;
struct generator *generator_new(const struct model *m, struct model_state *s, const struct tok *tok,
                                const struct generator_conf *conf);
void generator_free(struct generator *g);
/* The largest step: what model_state_new needs for `batch` slots. */
ptrdiff_t generator_step_tokens(const struct model *m, int batch);

bool generator_has_room(const struct generator *g);
int generator_active(const struct generator *g); /* slots that are not finished */
/* `user` of the active request that was added first, or NULL. */
void *generator_oldest(const struct generator *g);
void generator_add(struct generator *g, const struct generate_request *r);
/* One forward pass. False: a token could not be decoded into text. */
bool generator_step(struct generator *g, struct err *err);
/* A finished slot or NULL; valid until released, when the slot is free again. */
struct generate_result *generator_finished(struct generator *g);
void generator_release(struct generator *g, struct generate_result *r);

/* Totals of the run. */
struct generator_totals {
    int64_t prompt_tokens, completion_tokens, scored_tokens, steps;
    int64_t prefill_ns, decode_ns; /* a step's time is shared out by its tokens */
    double nll;
};
struct generator_totals generator_totals(const struct generator *g);

#endif
