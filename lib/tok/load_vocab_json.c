#include "load_files.h"

#include "load_hf.h"

/* merges.txt as the array that tokenizer.json has: one text per line, without the #version line. */
static slice merges_as_json(slice lines, struct arena *arena)
{
    struct buf out = { 0 };

    buf_append_byte(&out, '[');
    while (lines.len > 0) {
        ptrdiff_t end = slice_find(lines, '\n');
        slice line = slice_make(lines.ptr, end < 0 ? lines.len : end);
        lines = slice_from(lines, end < 0 ? lines.len : end + 1);
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0 || slice_starts(line, SLICE("#version")))
            continue;
        if (out.len > 1)
            buf_append_byte(&out, ',');
        json_append_string(&out, line);
    }
    buf_append_byte(&out, ']');
    buf_append(&out, SLICE("\0\0\0\0\0\0\0\0"));
    slice json = arena_dup(arena, buf_slice(&out));
    buf_release(&out);
    return json;
}

static void set_pipeline(struct tok *t)
{
    t->pretok.stage[0] = (struct pretok_stage){ .kind = PRETOK_BYTES,
                                                .behavior = PRETOK_ISOLATED,
                                                .use_regex = true };
    t->pretok.count = 1;
    t->decoder = DECODER_BYTES;
    t->bpe.unk = -1;
}

/* What the tokenizers of GPT-2 and RoBERTa call special. */
static void add_specials(struct tok *t)
{
    static const char *const names[] = {
        "<|endoftext|>", "<s>", "<pad>", "</s>", "<unk>", "<mask>"
    };

    vocab_init(&t->added_index, countof(names), countof(names), t->arena);
    t->added = arena_new(t->arena, struct added_token, countof(names));
    for (ptrdiff_t i = 0; i < countof(names); i++) {
        int64_t id = vocab_find(&t->bpe.vocab, slice_of(names[i]));
        if (id < 0)
            continue;
        add_special(t, slice_of(names[i]), (uint32_t)id);
        t->added[t->added_count - 1].lstrip = slice_eq(slice_of(names[i]), SLICE("<mask>"));
    }
}

bool load_vocab_json(struct tok *t, const struct tok_conf *conf, slice text, struct err *err)
{
    struct json_span vocab = { .start = slice_find(text, '{'), .len = 1 }, merges = { 0 };

    if (!conf->merges.ptr)
        return err_set(err, ERR_CONFIG, "a vocab.json needs its merges.txt beside it");
    if (!json_utf8_valid(conf->merges))
        return err_set(err, ERR_CONFIG, "merges.txt: not UTF-8");
    slice json = merges_as_json(conf->merges, t->arena);
    if (!load_vocab(t, text, &vocab, err) || !load_merges(t, json, &merges, err))
        return err_context(err, "vocab.json and merges.txt");
    set_pipeline(t);
    add_specials(t);
    return tok_finish(t, err);
}
