#include "load_hf.h"

static bool load_wordpiece(const struct json_node *n, const char *path, struct decode_step *step,
                           struct err *err)
{
    step->kind = DECODE_WORDPIECE;
    return load_check_members(n, path, "type|prefix|cleanup", err) &&
           load_string(n, path, "prefix", &step->text, err) &&
           load_bool(n, path, "cleanup", &step->flag, err);
}

static bool load_metaspace(const struct json_node *n, const char *path, struct decode_step *step,
                           struct err *err)
{
    bool prefix = true, split = true;
    slice scheme = json_get_string(n, "prepend_scheme", SLICE("always"));

    step->kind = DECODE_METASPACE;
    step->flag = !slice_eq(scheme, SLICE("never"));
    if (!load_check_members(
            n, path, "type|replacement|add_prefix_space|prepend_scheme|split|str_rep", err) ||
        !load_char(n, path, "replacement", &step->text, err) ||
        !load_bool_or(n, path, "add_prefix_space", &prefix, err) ||
        !load_bool_or(n, path, "split", &split, err))
        return false;
    if (!prefix && step->flag)
        return err_set(err, ERR_CONFIG, "%s.add_prefix_space: contradicts prepend_scheme", path);
    return true;
}

static bool load_ctc(const struct json_node *n, const char *path, struct decode_step *step,
                     struct err *err)
{
    step->kind = DECODE_CTC;
    return load_check_members(n, path, "type|pad_token|word_delimiter_token|cleanup", err) &&
           load_string(n, path, "pad_token", &step->literal, err) &&
           load_string(n, path, "word_delimiter_token", &step->text, err) &&
           load_bool(n, path, "cleanup", &step->flag, err);
}

static bool load_step(struct tok *t, const struct json_node *n, const char *path, slice type,
                      struct decode_step *step, struct err *err)
{
    if (slice_eq(type, SLICE("ByteLevel"))) {
        step->kind = DECODE_BYTES;
        return load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err);
    }
    if (slice_eq(type, SLICE("Fuse")) || slice_eq(type, SLICE("ByteFallback"))) {
        step->kind = type.ptr[0] == 'F' ? DECODE_FUSE : DECODE_BYTE_FALLBACK;
        return load_check_members(n, path, "type", err);
    }
    if (slice_eq(type, SLICE("WordPiece")))
        return load_wordpiece(n, path, step, err);
    if (slice_eq(type, SLICE("Metaspace")))
        return load_metaspace(n, path, step, err);
    if (slice_eq(type, SLICE("CTC")))
        return load_ctc(n, path, step, err);
    if (slice_eq(type, SLICE("BPEDecoder"))) {
        step->kind = DECODE_BPE;
        return load_check_members(n, path, "type|suffix", err) &&
               load_string(n, path, "suffix", &step->text, err);
    }
    if (slice_eq(type, SLICE("Strip"))) {
        step->kind = DECODE_STRIP;
        return load_check_members(n, path, "type|content|start|stop", err) &&
               load_char(n, path, "content", &step->text, err) &&
               load_int(n, path, "start", 0, INT32_MAX, &step->start, err) &&
               load_int(n, path, "stop", 0, INT32_MAX, &step->stop, err);
    }
    if (slice_eq(type, SLICE("Replace"))) {
        step->kind = DECODE_REPLACE;
        return load_check_members(n, path, "type|pattern|content", err) &&
               load_string(n, path, "content", &step->text, err) &&
               load_pattern(t, n, path, &step->pattern, &step->literal, err);
    }
    return load_unsupported(err, path, type);
}

/* ByteLevel alone, and a Fuse behind it, is the fast way: bytes by id. */
static void choose(struct tok *t)
{
    const struct decode_chain *c = &t->chain;
    bool bytes = c->count > 0 && c->step[0].kind == DECODE_BYTES;

    for (int i = 1; i < c->count; i++)
        bytes &= c->step[i].kind == DECODE_FUSE;
    t->decoder = bytes ? DECODER_BYTES : DECODER_CHAIN;
}

bool load_decoder(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    struct decode_step step = { 0 };
    slice type = { NULL, 0 };
    bool none;

    if (!load_component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence"))) {
        t->decoder = DECODER_CHAIN; /* also an empty one: tokens are joined without blanks */
        return load_sequence(t, n, path, "decoders", load_decoder, err);
    }
    if (!load_step(t, n, path, type, &step, err))
        return false;
    step.text = arena_dup(t->arena, step.text);
    step.literal = arena_dup(t->arena, step.literal);
    if (!decode_chain_add(&t->chain, &step)) {
        pattern_free(step.pattern);
        return load_fail(err, path, "too many decoders");
    }
    choose(t);
    return true;
}
