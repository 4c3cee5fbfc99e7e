#include "regex.h"

#include <stdlib.h>
#include <pcre2.h>

#define JIT_STACK_FIRST (32 << 10)
#define JIT_STACK_MAX   (8 << 20)
#define HEAP_LIMIT_KIB  (64 << 10)
#define PATTERN_MAX     (1 << 20)

struct regex {
    pcre2_code *code;
    int groups;
};

struct regex_scratch {
    pcre2_match_context *context;
    pcre2_match_data *match;
    pcre2_jit_stack *stack;
    int pairs; /* of the last match */
};

static uint32_t compile_options(unsigned flags)
{
    static const struct {
        unsigned flag;
        uint32_t option;
    } map[] = { { REGEX_CASELESS, PCRE2_CASELESS },
                { REGEX_DOTALL, PCRE2_DOTALL },
                { REGEX_MULTILINE, PCRE2_MULTILINE },
                { REGEX_EXTENDED, PCRE2_EXTENDED },
                { REGEX_UNICODE, PCRE2_UCP } };
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;

    for (int i = 0; i < countof(map); i++)
        if (flags & map[i].flag)
            options |= map[i].option;
    return options;
}

struct regex *regex_new(slice pattern, unsigned flags, struct err *err)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    uint32_t groups = 0;

    if (pattern.len > PATTERN_MAX) {
        err_set(err, ERR_USAGE, "the pattern is longer than %d bytes", PATTERN_MAX);
        return NULL;
    }
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        mem_oom();
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern.ptr, (PCRE2_SIZE)pattern.len,
                                         compile_options(flags), &code, &at, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        char why[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        err_set(err, ERR_USAGE, "byte %zu of the pattern %s: %s", at, ERR_QUOTE(pattern), why);
        return NULL;
    }
    pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups >= REGEX_MAX_GROUPS) {
        pcre2_code_free(compiled);
        err_set(err, ERR_USAGE, "the pattern has %u groups, at most %d are possible", groups,
                REGEX_MAX_GROUPS - 1);
        return NULL;
    }
    /* Without JIT (refused by the system) the interpreter gives the same answers. */
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    struct regex *re = malloc(sizeof *re);
    if (!re)
        mem_oom();
    *re = (struct regex){ compiled, (int)groups };
    return re;
}

void regex_free(struct regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    free(re);
}

int regex_group_count(const struct regex *re)
{
    return re->groups;
}

int regex_group_number(const struct regex *re, slice name)
{
    char text[64];

    if (name.len >= (ptrdiff_t)sizeof text)
        return -1;
    memcpy(text, name.ptr, (size_t)name.len);
    text[name.len] = '\0';
    int number = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)text);
    return number < 0 ? -1 : number;
}

struct regex_scratch *regex_scratch_new(void)
{
    struct regex_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->context = pcre2_match_context_create(NULL);
    s->match = pcre2_match_data_create(REGEX_MAX_GROUPS, NULL);
    s->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
    if (!s->context || !s->match)
        mem_oom();
    if (s->stack)
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
    return s;
}

void regex_scratch_free(struct regex_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    free(s);
}

enum regex_result regex_find(const struct regex *re, struct regex_scratch *s, slice text,
                             ptrdiff_t start, unsigned find_flags)
{
    uint32_t options = PCRE2_NO_UTF_CHECK;
    int64_t steps = REGEX_STEPS + 8 * (int64_t)text.len;

    if (find_flags & REGEX_NOT_EMPTY_HERE)
        options |= PCRE2_NOTEMPTY_ATSTART;
    if (find_flags & REGEX_ANCHORED_HERE)
        options |= PCRE2_ANCHORED;
    steps = MIN(steps, UINT32_MAX);
    pcre2_set_match_limit(s->context, (uint32_t)steps);
    pcre2_set_depth_limit(s->context, (uint32_t)steps);
    int rc = pcre2_match(re->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), (PCRE2_SIZE)text.len,
                         (PCRE2_SIZE)start, options, s->match, s->context);
    if (rc > 0) {
        s->pairs = rc;
        return REGEX_MATCH;
    }
    if (rc == PCRE2_ERROR_NOMATCH)
        return REGEX_NONE;
    if (rc == PCRE2_ERROR_NOMEMORY)
        mem_oom();
    ASSERT(rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
           rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT ||
           rc == PCRE2_ERROR_RECURSELOOP);
    return REGEX_LIMIT;
}

struct regex_span regex_group(const struct regex_scratch *s, int group)
{
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->match);

    if (group >= s->pairs || v[2 * group] == PCRE2_UNSET)
        return (struct regex_span){ -1, -1 };
    return (struct regex_span){ (ptrdiff_t)v[2 * group], (ptrdiff_t)v[2 * group + 1] };
}

const char *regex_version(void)
{
    static char version[32];

    if (!version[0])
        pcre2_config(PCRE2_CONFIG_VERSION, version);
    char *space = strchr(version, ' ');
    if (space)
        *space = '\0';
    return version;
}
