#include "mixture.h"

enum {
    M_Q4_0 = 1 << 0,
    M_Q5_0 = 1 << 1,
    M_Q2_K = 1 << 2,
    M_Q3_K_S = 1 << 4,
    M_Q3_K_M = 1 << 5,
    M_Q3_K_L = 1 << 6,
    M_Q4_K_S = 1 << 7,
    M_Q4_K_M = 1 << 8,
    M_Q5_K_S = 1 << 9,
    M_Q5_K_M = 1 << 10,
    M_IQ4 = 1 << 11,
    M_OTHER = 1 << 12, /* no rule but that of the output matrix */
    M_ALL = (1 << 13) - 1,
};

/* The first of a type's names is its default mixture. */
static const struct mixture mixtures[] = {
    { "F32", TENSOR_F32, 0, 0 },
    { "F16", TENSOR_F16, 1, 0 },
    { "BF16", TENSOR_BF16, 32, 0 },
    { "Q8_0", TENSOR_Q8_0, 7, 0 },
    { "Q4_0", TENSOR_Q4_0, 2, M_Q4_0 },
    { "Q4_1", TENSOR_Q4_1, 3, M_OTHER },
    { "Q5_0", TENSOR_Q5_0, 8, M_Q5_0 },
    { "Q5_1", TENSOR_Q5_1, 9, M_OTHER },
    { "Q2_K", TENSOR_Q2_K, 10, M_Q2_K },
    { "Q3_K", TENSOR_Q3_K, 12, M_Q3_K_M },
    { "Q3_K_S", TENSOR_Q3_K, 11, M_Q3_K_S },
    { "Q3_K_M", TENSOR_Q3_K, 12, M_Q3_K_M },
    { "Q3_K_L", TENSOR_Q3_K, 13, M_Q3_K_L },
    { "Q4_K", TENSOR_Q4_K, 15, M_Q4_K_M },
    { "Q4_K_S", TENSOR_Q4_K, 14, M_Q4_K_S },
    { "Q4_K_M", TENSOR_Q4_K, 15, M_Q4_K_M },
    { "Q5_K", TENSOR_Q5_K, 17, M_Q5_K_M },
    { "Q5_K_S", TENSOR_Q5_K, 16, M_Q5_K_S },
    { "Q5_K_M", TENSOR_Q5_K, 17, M_Q5_K_M },
    { "Q6_K", TENSOR_Q6_K, 18, M_OTHER },
    { "IQ4_NL", TENSOR_IQ4_NL, 25, M_IQ4 },
    { "IQ4_XS", TENSOR_IQ4_XS, 30, M_IQ4 },
};

enum when {
    ALWAYS,
    FIRST_2, /* of the tensors of this kind */
    FIRST_4,
    FIRST_8TH, /* layers */
    FIRST_16TH,
    MORE_BITS, /* the first and last eighth, and every third between */
    GQA_4,     /* at least four heads share keys and values */
    EXPERTS_8, /* such models share attention among all experts: it is small beside them */
    NOT_EXPERTS_8,
    PLAIN_FIRST_8TH,      /* without importance */
    IMPORTANCE_FIRST_8TH, /* with it */
};

/* The first rule that fits decides. */
static const struct {
    const char *part;
    unsigned mixtures;
    enum when when;
    int type;
} rules[] = {
    { MIXTURE_ATTN_V, M_ALL, EXPERTS_8, TENSOR_Q8_0 },
    { MIXTURE_ATTN_V, M_Q2_K, GQA_4, TENSOR_Q4_K },
    { MIXTURE_ATTN_V, M_Q2_K, ALWAYS, TENSOR_Q3_K },
    { MIXTURE_ATTN_V, M_Q3_K_M, FIRST_2, TENSOR_Q5_K },
    { MIXTURE_ATTN_V, M_Q3_K_M, ALWAYS, TENSOR_Q4_K },
    { MIXTURE_ATTN_V, M_Q3_K_L, ALWAYS, TENSOR_Q5_K },
    { MIXTURE_ATTN_V, M_IQ4, GQA_4, TENSOR_Q5_K },
    { MIXTURE_ATTN_V, M_Q4_K_M | M_Q5_K_M, MORE_BITS, TENSOR_Q6_K },
    { MIXTURE_ATTN_V, M_Q4_K_S, FIRST_4, TENSOR_Q5_K },
    { "attn_k.weight", M_ALL, EXPERTS_8, TENSOR_Q8_0 },
    { MIXTURE_FFN_DOWN, M_Q2_K, ALWAYS, TENSOR_Q3_K },
    { MIXTURE_FFN_DOWN, M_Q3_K_M, FIRST_16TH, TENSOR_Q5_K },
    { MIXTURE_FFN_DOWN, M_Q3_K_M, ALWAYS, TENSOR_Q4_K },
    { MIXTURE_FFN_DOWN, M_Q3_K_L, ALWAYS, TENSOR_Q5_K },
    { MIXTURE_FFN_DOWN, M_Q4_K_M | M_Q5_K_M, MORE_BITS, TENSOR_Q6_K },
    { MIXTURE_FFN_DOWN, M_IQ4, PLAIN_FIRST_8TH, TENSOR_Q5_K },
    { MIXTURE_FFN_DOWN, M_Q4_K_S, FIRST_8TH, TENSOR_Q5_K },
    { MIXTURE_FFN_DOWN, M_Q4_0, IMPORTANCE_FIRST_8TH, TENSOR_Q4_1 },
    { MIXTURE_FFN_DOWN, M_Q5_0, IMPORTANCE_FIRST_8TH, TENSOR_Q5_1 },
    { "attn_output.weight", M_Q2_K | M_Q3_K_S | M_Q3_K_M | M_Q4_K_S | M_Q4_K_M | M_IQ4, EXPERTS_8,
      TENSOR_Q5_K },
    { "attn_output.weight", M_Q2_K, NOT_EXPERTS_8, TENSOR_Q3_K },
    { "attn_output.weight", M_Q3_K_M, NOT_EXPERTS_8, TENSOR_Q4_K },
    { "attn_output.weight", M_Q3_K_L, NOT_EXPERTS_8, TENSOR_Q5_K },
};

/* Where rows do not divide into 256. */
static const struct {
    int type, instead;
} fallbacks[] = {
    { TENSOR_Q2_K, TENSOR_Q4_0 }, { TENSOR_Q3_K, TENSOR_Q4_0 }, { TENSOR_Q4_K, TENSOR_Q5_0 },
    { TENSOR_Q5_K, TENSOR_Q5_1 }, { TENSOR_Q6_K, TENSOR_Q8_0 }, { TENSOR_IQ4_XS, TENSOR_IQ4_NL },
};

static bool equals_folded(slice name, const char *upper)
{
    ptrdiff_t i = 0;

    for (; i < name.len && upper[i]; i++) {
        char c = name.ptr[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != upper[i])
            return false;
    }
    return i == name.len && !upper[i];
}

const struct mixture *mixture_find(slice name)
{
    for (ptrdiff_t i = 0; i < countof(mixtures); i++)
        if (equals_folded(name, mixtures[i].name))
            return &mixtures[i];
    return NULL;
}

const char *mixture_list(struct arena *arena)
{
    slice all = SLICE("");

    for (ptrdiff_t i = 0; i < countof(mixtures); i++)
        all = arena_printf(arena, "%.*s%s%s", SLICE_ARG(all), i ? ", " : "", mixtures[i].name);
    return all.ptr;
}

bool mixture_keeps(const struct tensor *t)
{
    static const char *const kept[] = { "_norm.weight", "ffn_gate_inp.weight",
                                        "position_embd.weight", "token_types.weight",
                                        "rope_freqs.weight" };

    if (t->dims < 2 || (t->ne[1] == 1 && t->ne[2] == 1 && t->ne[3] == 1) ||
        !slice_ends(t->name, SLICE("weight")))
        return true;
    for (ptrdiff_t i = 0; i < countof(kept); i++)
        if (slice_ends(t->name, slice_of(kept[i])))
            return true;
    return false;
}

int64_t mixture_layer(slice name)
{
    int64_t layer = 0;

    if (!slice_starts(name, SLICE("blk.")) || name.len < 5 || name.ptr[4] < '0' ||
        name.ptr[4] > '9')
        return -1;
    for (ptrdiff_t i = 4; i < name.len && name.ptr[i] >= '0' && name.ptr[i] <= '9'; i++)
        if (layer < INT32_MAX)
            layer = layer * 10 + (name.ptr[i] - '0');
    return layer;
}

bool mixture_is_kind(slice name, const char *part)
{
    if (memmem(name.ptr, (size_t)name.len, part, strlen(part)))
        return true;
    return strcmp(part, MIXTURE_ATTN_V) == 0 && slice_ends(name, SLICE("attn_qkv.weight"));
}

static bool more_bits(int64_t i, int64_t n)
{
    return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

static bool holds(enum when when, const struct mixture_model *m, int64_t i, int64_t n)
{
    switch (when) {
    case ALWAYS:
        return true;
    case FIRST_2:
        return i < 2;
    case FIRST_4:
        return i < 4;
    case FIRST_8TH:
        return i < n / 8;
    case FIRST_16TH:
        return i < n / 16;
    case MORE_BITS:
        return more_bits(i, n);
    case GQA_4:
        return m->kv_heads > 0 && m->heads / m->kv_heads >= 4;
    case EXPERTS_8:
        return m->experts == 8;
    case NOT_EXPERTS_8:
        return m->experts != 8;
    case PLAIN_FIRST_8TH:
        return !m->has_importance && i < n / 8;
    case IMPORTANCE_FIRST_8TH:
        return m->has_importance && i < n / 8;
    }
    return false;
}

static int by_rules(const struct mixture *mix, const struct mixture_model *m,
                    const struct tensor *t, int64_t order)
{
    bool is_v = mixture_is_kind(t->name, MIXTURE_ATTN_V),
         is_down = mixture_is_kind(t->name, MIXTURE_FFN_DOWN);
    int64_t n = is_v ? m->attn_v_count : m->layers;
    int type = mix->type;

    if (is_down && m->experts > 1)
        order = MAX(0, mixture_layer(t->name));
    for (ptrdiff_t i = 0; i < countof(rules); i++) {
        if (!(rules[i].mixtures & mix->bit) || !mixture_is_kind(t->name, rules[i].part) ||
            !holds(rules[i].when, m, order, n))
            continue;
        type = rules[i].type;
        break;
    }
    /* Llama 70B and its like: eight heads share each attn_v. */
    if (is_v && m->layers == 80 && m->heads != m->kv_heads && m->experts != 8 &&
        (slice_eq(m->arch, SLICE("llama")) || slice_eq(m->arch, SLICE("qwen2"))) &&
        (type == TENSOR_Q3_K || type == TENSOR_Q4_K))
        type = TENSOR_Q5_K;
    return type;
}

static bool is_output(const struct mixture_model *m, slice name)
{
    return slice_eq(name, SLICE("output.weight")) ||
           (!m->has_output && slice_eq(name, SLICE("token_embd.weight")));
}

static bool divides(const struct tensor *t, int type)
{
    return t->ne[0] % tensor_layout(type)->block == 0;
}

struct mixture_choice mixture_choose(const struct mixture *mix, const struct mixture_model *m,
                                     const struct tensor *t, int64_t order, bool pure)
{
    struct mixture_choice c = { .type = mix->type };

    if (mix->bit && !pure) {
        if (!is_output(m, t->name))
            c.type = by_rules(mix, m, t, order);
        else
            c.type = divides(t, mix->type) ? TENSOR_Q6_K : TENSOR_Q8_0;
    }
    c.wanted = c.type;
    for (ptrdiff_t i = 0; i < countof(fallbacks) && !divides(t, c.type); i++)
        if (fallbacks[i].type == c.type) {
            c.type = fallbacks[i].instead;
            break;
        }
    if (!divides(t, c.type))
        c.type = TENSOR_F16;
    c.fallback = c.type != c.wanted;
    return c;
}
