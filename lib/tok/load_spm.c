#include "load_files.h"

/* ---- protobuf ---- */

struct message {
    const char *p, *end;
    const char *name; /* for messages */
    struct err *err;
};

struct field {
    uint64_t number, value; /* value of a varint or fixed field */
    slice bytes;
    int wire;
};

static bool take_varint(struct message *m, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && m->p < m->end; shift += 7) {
        unsigned char byte = (unsigned char)*m->p++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* False at the end, or with m->err set (and m->p NULL) when it is broken. */
static bool next_field(struct message *m, struct field *f)
{
    uint64_t tag, len;
    bool ok = true;

    if (m->p == m->end)
        return false;
    *f = (struct field){ 0 };
    ok = take_varint(m, &tag) && tag >> 3 != 0;
    f->number = tag >> 3;
    f->wire = ok ? (int)(tag & 7) : -1;
    if (f->wire == 0) {
        ok = take_varint(m, &f->value);
    } else if (f->wire == 1 || f->wire == 5) {
        ptrdiff_t size = f->wire == 1 ? 8 : 4;
        ok = m->end - m->p >= size;
        if (ok)
            f->value = size == 8 ? load_u64(m->p) : load_u32(m->p);
        m->p += ok ? size : 0;
    } else if (f->wire == 2) {
        ok = take_varint(m, &len) && len <= (uint64_t)(m->end - m->p);
        if (ok)
            f->bytes = slice_make(m->p, (ptrdiff_t)len);
        m->p += ok ? len : 0;
    } else {
        ok = false;
    }
    if (!ok) {
        err_set(m->err, ERR_CONFIG, "%s: not a protobuf message", m->name);
        m->p = NULL;
    }
    return ok;
}

static struct message message_of(slice bytes, const char *name, struct err *err)
{
    return (struct message){ bytes.ptr, bytes.ptr + bytes.len, name, err };
}

bool looks_like_spm(slice bytes)
{
    struct message m = message_of(bytes, "", NULL);
    struct field f;
    int pieces = 0;

    if (bytes.len < 4 || bytes.ptr[0] != 0x0A)
        return false;
    while (pieces < 3 && next_field(&m, &f)) {
        if (f.number != 1 || f.wire != 2)
            return false;
        pieces++;
    }
    return pieces > 0 && m.p != NULL;
}

/* ---- ModelProto ---- */

static bool load_piece(struct tok *t, slice bytes, struct spm_piece *piece, struct err *err)
{
    struct message m = message_of(bytes, "pieces", err);
    struct field f;

    *piece = (struct spm_piece){ .type = SPM_NORMAL };
    while (next_field(&m, &f)) {
        if (f.number == 1 && f.wire == 2)
            piece->text = f.bytes.len ? arena_dup(t->arena, f.bytes) : SLICE("");
        else if (f.number == 2 && f.wire == 5)
            memcpy(&piece->score, &f.value, sizeof piece->score);
        else if (f.number == 3 && f.wire == 0)
            piece->type = f.value >= SPM_NORMAL && f.value <= SPM_BYTE ? (uint8_t)f.value : 0;
    }
    if (m.p && piece->type == 0)
        return err_set(err, ERR_CONFIG, "pieces.type: unknown");
    if (m.p && !(piece->score > -1e30f && piece->score < 1e30f))
        return err_set(err, ERR_CONFIG, "pieces.score: not a finite number");
    return m.p != NULL;
}

static bool load_trainer(struct tok *t, slice bytes, struct err *err)
{
    struct message m = message_of(bytes, "trainer_spec", err);
    struct spm *spm = &t->spm;
    struct field f;

    while (next_field(&m, &f)) {
        if (f.number == 3 && f.wire == 0) {
            if (f.value < SPM_UNIGRAM || f.value > SPM_CHAR)
                return err_set(err, ERR_CONFIG, "trainer_spec.model_type: unknown");
            spm->kind = (enum spm_kind)f.value;
        } else if (f.number == 24 && f.wire == 0) {
            spm->suffix = f.value;
        } else if (f.number == 35 && f.wire == 0) {
            spm->byte_fallback = f.value;
        } else if (f.number == 44 && f.wire == 2) {
            spm->unk_surface = f.bytes.len ? arena_dup(t->arena, f.bytes) : SLICE("");
        }
    }
    return m.p != NULL;
}

static bool load_rules(struct tok *t, slice bytes, const char *name, struct spm_rules *rules,
                       struct err *err)
{
    struct message m = message_of(bytes, name, err);
    struct field f;

    while (next_field(&m, &f)) {
        if (f.number == 2 && f.wire == 2 && f.bytes.len) {
            rules->map = charsmap_new(f.bytes, t->arena, err);
            if (!rules->map)
                return err_context(err, "%s", name);
        } else if (f.number == 3 && f.wire == 0) {
            rules->dummy_prefix = f.value;
        } else if (f.number == 4 && f.wire == 0) {
            rules->remove_extra = f.value;
        } else if (f.number == 5 && f.wire == 0) {
            rules->escape = f.value;
        }
    }
    return m.p != NULL;
}

static ptrdiff_t count_pieces(slice bytes)
{
    struct message m = message_of(bytes, "", NULL);
    struct field f;
    ptrdiff_t count = 0;

    while (next_field(&m, &f))
        count += f.number == 1;
    return count;
}

static bool load_fields(struct tok *t, slice bytes, struct err *err)
{
    struct message m = message_of(bytes, "the file", err);
    struct spm *spm = &t->spm;
    struct field f;
    bool ok = true;

    while (ok && next_field(&m, &f)) {
        if (f.wire != 2)
            continue;
        if (f.number == 1)
            ok = load_piece(t, f.bytes, &spm->pieces[spm->count++], err);
        else if (f.number == 2)
            ok = load_trainer(t, f.bytes, err);
        else if (f.number == 3)
            ok = load_rules(t, f.bytes, "normalizer_spec", &spm->rules, err);
        else if (f.number == 5)
            ok = load_rules(t, f.bytes, "denormalizer_spec", &spm->denormal, err);
    }
    return ok && m.p;
}

bool load_spm(struct tok *t, slice bytes, struct err *err)
{
    static const struct spm_rules defaults = { NULL, true, true, true };
    ptrdiff_t count = count_pieces(bytes);

    t->spm = (struct spm){ .kind = SPM_UNIGRAM,
                           .rules = defaults,
                           .denormal = defaults,
                           .unk_surface = SLICE(" \xE2\x81\x87 ") };
    if (count > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "pieces: too many");
    t->spm.pieces = arena_new(t->arena, struct spm_piece, count);
    return load_fields(t, bytes, err) && finish_spm(t, err);
}

bool finish_spm(struct tok *t, struct err *err)
{
    struct spm *spm = &t->spm;
    struct vocab *v = &t->bpe.vocab;
    ptrdiff_t controls = 0;

    t->model = MODEL_SPM;
    t->decoder = DECODER_SPM;
    if (!spm_build(spm, t->arena, err))
        return false;
    for (ptrdiff_t i = 0; i < spm->count; i++)
        controls += spm->pieces[i].type == SPM_CONTROL;
    vocab_init(v, spm->count, spm->count, t->arena);
    vocab_init(&t->added_index, controls, controls, t->arena);
    t->added = arena_new(t->arena, struct added_token, controls);
    for (ptrdiff_t i = 0; i < spm->count; i++) {
        const struct spm_piece *p = &spm->pieces[i];
        if (!vocab_add(v, p->text, (uint32_t)i)) { /* a text may be a piece and a control piece */
            v->text[i] = p->text;
            v->count++;
        }
        if (p->type == SPM_CONTROL)
            add_special(t, p->text, (uint32_t)i);
    }
    t->bpe.unk = spm->unk;
    return tok_finish(t, err);
}
