#include "load_files.h"

#include "../json.h"
#include "../unicode.h"
#include "uclass.h"

/* A token that is no special one has a capital letter: the vocabulary keeps case. */
static bool has_capitals(const struct vocab *v)
{
    for (ptrdiff_t id = 0; id < v->size; id++) {
        slice text = v->text[id];
        if (text.len == 0 || text.ptr[0] == '[' || text.ptr[0] == '<')
            continue;
        for (ptrdiff_t at = 0; at < text.len;) {
            uint32_t cp;
            at += uni_decode(text.ptr + at, &cp);
            if (uclass_in(uclass_of(cp), UCLASS_SET(UCAT_LU)) && cp < 0x80)
                return true;
        }
    }
    return false;
}

static void add_stage(struct tok *t, enum pretok_behavior behavior, unsigned property)
{
    t->pretok.stage[t->pretok.count++] =
        (struct pretok_stage){ .kind = PRETOK_CLASS, .behavior = behavior, .property = property };
}

/* [CLS] A [SEP], [CLS] A [SEP] B [SEP] when both are there. */
static void add_template(struct tok *t)
{
    struct post_step *step = &t->post.step[0];
    int64_t cls = vocab_find(&t->bpe.vocab, SLICE("[CLS]"));
    int64_t sep = vocab_find(&t->bpe.vocab, SLICE("[SEP]"));

    if (cls < 0 || sep < 0)
        return;
    *step = (struct post_step){ .kind = POST_BERT,
                                .cls = (uint32_t)cls,
                                .sep = (uint32_t)sep,
                                .cls_text = SLICE("[CLS]"),
                                .sep_text = SLICE("[SEP]") };
    t->post.count = 1;
    t->prefix = (struct id_list){ &step->cls, 1 };
    t->suffix = (struct id_list){ &step->sep, 1 };
}

bool finish_bert(struct tok *t, bool lower, struct err *err)
{
    static const char *const specials[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
    struct normal_step normal = { .kind = NORMAL_BERT,
                                  .flags = NORMAL_CLEAN | NORMAL_CHINESE |
                                           (lower ? NORMAL_ACCENTS | NORMAL_LOWER : 0u) };
    struct decode_step decode = { .kind = DECODE_WORDPIECE, .text = SLICE("##"), .flag = true };
    struct vocab *v = &t->bpe.vocab;

    t->model = MODEL_WORDPIECE;
    t->wordpiece.prefix = SLICE("##");
    t->wordpiece.max_chars = 100;
    t->bpe.unk = vocab_find(v, SLICE("[UNK]"));
    if (t->bpe.unk < 0)
        return err_set(err, ERR_CONFIG, "no token [UNK]");
    t->wordpiece.unk = (uint32_t)t->bpe.unk;
    normal_add(&t->normal, &normal, t->arena);
    add_stage(t, PRETOK_REMOVED, 0);
    add_stage(t, PRETOK_ISOLATED, UPROP_PUNCT);
    vocab_init(&t->added_index, countof(specials), countof(specials), t->arena);
    t->added = arena_new(t->arena, struct added_token, countof(specials));
    for (ptrdiff_t i = 0; i < countof(specials); i++) {
        int64_t id = vocab_find(v, slice_of(specials[i]));
        if (id >= 0)
            add_special(t, slice_of(specials[i]), (uint32_t)id);
    }
    add_template(t);
    decode_chain_add(&t->chain, &decode);
    t->decoder = DECODER_CHAIN;
    return tok_finish(t, err);
}

bool load_vocab_txt(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err)
{
    struct vocab *v = &t->bpe.vocab;
    ptrdiff_t lines = 1, count = 0;

    for (ptrdiff_t i = 0; i < bytes.len; i++)
        lines += bytes.ptr[i] == '\n';
    slice *texts = arena_new(t->arena, slice, lines);
    while (bytes.len > 0) {
        ptrdiff_t end = slice_find(bytes, '\n');
        slice line = slice_make(bytes.ptr, end < 0 ? bytes.len : end);
        bytes = slice_from(bytes, end < 0 ? bytes.len : end + 1);
        if (!json_utf8_valid(line))
            return err_set(err, ERR_CONFIG, "line %td: not UTF-8", count + 1);
        for (uint32_t cp; line.len;) { /* white space at the end is no part of the token */
            int len = uni_decode_back(line.ptr, line.ptr + line.len, &cp);
            if (!uclass_in(uclass_of(cp), UCLASS_SPACE))
                break;
            line.len -= len;
        }
        texts[count++] = line.len ? arena_dup(t->arena, line) : SLICE("");
    }
    if (count > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "too many lines");
    vocab_init(v, count, count, t->arena);
    for (ptrdiff_t i = count; i-- > 0;) /* of equal lines the last holds, as in the reference */
        vocab_add(v, texts[i], (uint32_t)i);
    bool lower =
        conf->lettercase == TOK_CASE_AUTO ? !has_capitals(v) : conf->lettercase == TOK_CASE_LOWER;
    return finish_bert(t, lower, err);
}
