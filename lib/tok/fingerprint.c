#include "tok_private.h"

#include "../hash.h"

/* Everything that decides about ids, in a fixed order and with lengths in front, so that no two
 * pipelines give the same bytes. The first line changes when the meaning of a field does. */

static void add(struct hash_stream *h, slice s)
{
    uint64_t len = (uint64_t)s.len;

    hash_stream_add(h, slice_make((const char *)&len, sizeof len));
    hash_stream_add(h, s);
}

static void add_int(struct hash_stream *h, int64_t n)
{
    hash_stream_add(h, slice_make((const char *)&n, sizeof n));
}

static void add_pretok(struct hash_stream *h, const struct tok *t)
{
    add_int(h, t->pretok.count);
    for (int i = 0; i < t->pretok.count; i++) {
        const struct pretok_stage *stage = &t->pretok.stage[i];
        add_int(h, stage->kind == PRETOK_RULE ? PRETOK_PATTERN : stage->kind);
        add_int(h, stage->behavior);
        add_int(h, stage->invert | stage->prefix_space << 1 | stage->use_regex << 2);
        add_int(h, stage->property);
        add_int(h, stage->prefix_first | stage->split << 1);
        add_int(h, stage->length);
        add(h, stage->literal);
    }
}

static void add_tokens(struct hash_stream *h, const struct tok *t)
{
    add_int(h, t->added_count);
    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        const struct added_token *a = &t->added[i];
        add(h, a->content);
        add_int(h, a->id);
        add_int(h, a->single_word | a->lstrip << 1 | a->rstrip << 2 | a->normalized << 3 |
                       a->special << 4);
    }
}

static void add_list(struct hash_stream *h, const struct id_list *list)
{
    add(h, slice_make((const char *)list->ids, list->count * (ptrdiff_t)sizeof *list->ids));
}

static void add_normal(struct hash_stream *h, const struct normal *n)
{
    add_int(h, n->count);
    for (int i = 0; i < n->count; i++) {
        const struct normal_step *step = &n->step[i];
        add_int(h, step->kind);
        add_int(h, step->flags | (unsigned)(step->pattern != NULL) << 16);
        add(h, step->text);
        add(h, step->literal);
        add(h, step->map ? charsmap_blob(step->map) : (slice){ "", 0 });
    }
}

static void add_model(struct hash_stream *h, const struct tok *t)
{
    const struct unigram *u = &t->unigram;

    add_int(h, t->model);
    add(h, t->bpe_text.prefix);
    add(h, t->bpe_text.suffix);
    add(h, slice_make((const char *)&t->dropout, sizeof t->dropout));
    add(h, t->wordpiece.prefix);
    add_int(h, t->wordpiece.max_chars);
    add_int(h, u->byte_fallback);
    add(h, slice_make((const char *)u->score, u->size * (ptrdiff_t)sizeof *u->score));
}

static void add_spm(struct hash_stream *h, const struct spm *m)
{
    const struct spm_rules *rules[] = { &m->rules, &m->denormal };

    add_int(h, m->kind);
    add_int(h, m->suffix | m->byte_fallback << 1 | m->all_found << 2);
    add(h, m->unk_surface);
    for (int i = 0; i < 2; i++) {
        add_int(h, rules[i]->dummy_prefix | rules[i]->remove_extra << 1 | rules[i]->escape << 2);
        add(h, rules[i]->map ? charsmap_blob(rules[i]->map) : (slice){ "", 0 });
    }
    for (ptrdiff_t i = 0; i < m->count; i++) {
        add(h, slice_make((const char *)&m->pieces[i].score, sizeof m->pieces[i].score));
        add_int(h, m->pieces[i].type);
    }
}

static void add_post(struct hash_stream *h, const struct post *p)
{
    add_int(h, p->count);
    for (int i = 0; i < p->count; i++) {
        const struct post_step *step = &p->step[i];
        add_int(h, step->kind);
        add_int(h, step->cls);
        add_int(h, step->sep);
        for (int pair = 0; pair < 2; pair++) {
            add_int(h, step->pieces[pair]);
            for (int k = 0; k < step->pieces[pair]; k++) {
                const struct post_piece *piece = &step->piece[pair][k];
                add_int(h, piece->sequence);
                add_int(h, piece->type_id);
                add(h, slice_make((const char *)piece->ids,
                                  piece->count * (ptrdiff_t)sizeof *piece->ids));
            }
        }
    }
    add_int(h, p->truncate | p->truncate_left << 1 | p->pad << 2 | p->pad_left << 3);
    add_int(h, p->truncate ? p->strategy : 0);
    add_int(h, p->max_length);
    add_int(h, p->pad_to);
    add_int(h, p->pad_multiple);
    add_int(h, p->pad_id);
}

static void add_chain(struct hash_stream *h, const struct decode_chain *c)
{
    add_int(h, c->count);
    for (int i = 0; i < c->count; i++) {
        const struct decode_step *step = &c->step[i];
        add_int(h, step->kind);
        add_int(h, step->flag);
        add_int(h, step->start);
        add_int(h, step->stop);
        add(h, step->text);
        add(h, step->literal);
    }
}

void fingerprint_fill(struct tok *t)
{
    const struct bpe *bpe = &t->bpe;
    struct hash_stream *h = hash_stream_new();

    add(h, SLICE("millrace tokenizer 2, unicode 16"));
    add_int(h, bpe->vocab.size);
    for (ptrdiff_t id = 0; id < bpe->vocab.size; id++) {
        add_int(h, bpe->vocab.text[id].ptr != NULL);
        add(h, bpe->vocab.text[id]);
    }
    add(h, slice_make((const char *)bpe->merges.pairs,
                      bpe->merges.count * (ptrdiff_t)sizeof *bpe->merges.pairs));
    add_int(h, bpe->ignore_merges | bpe->fuse_unk << 1 | bpe->byte_fallback << 2);
    add_int(h, bpe->unk);
    add_tokens(h, t);
    add_model(h, t);
    if (t->model == MODEL_SPM)
        add_spm(h, &t->spm);
    add_normal(h, &t->normal);
    add_pretok(h, t);
    add_list(h, &t->prefix);
    add_list(h, &t->suffix);
    add_post(h, &t->post);
    add_int(h, t->decoder);
    add_chain(h, &t->chain);
    hash128_hex(hash_stream_value(h), t->fingerprint);
    hash_stream_free(h);
}
