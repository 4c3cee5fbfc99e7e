/* jinja.h against jinja2: tests/data/chat/cases.jsonl (made by make.py beside it), and the limits
 * that hostile templates meet. */
#include "model/jinja.h"
#include "os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int load_vars(const struct json_node *set, struct jinja_var *vars, int most,
                     struct arena *arena)
{
    int n = 0;
    for (const struct json_node *v = set->child; v && n < most; v = v->next, n++) {
        vars[n].name = arena_cstr_dup(arena, v->key);
        vars[n].value = v;
    }
    return n;
}

/* True when ours gives the same text, or refuses what jinja2 refuses. */
static bool run_case(slice source, const struct json_node *vars_of, const struct json_node *expect)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct buf out = { 0 };
    struct jinja_var vars[32];
    int n = load_vars(vars_of, vars, 32, &arena);
    struct jinja *t = jinja_compile(source, &arena, &err);
    bool ok = t && jinja_render(t, vars, n, &arena, &out, &err);
    bool same = expect->type == JSON_NULL ? !ok : ok && slice_eq(buf_slice(&out), expect->text);
    if (!same)
        print_message("# %.*s\n# expected %s%.*s\n# got %s%.*s\n", SLICE_ARG(source),
                      expect->type == JSON_NULL ? "a refusal" : "", SLICE_ARG(expect->text),
                      ok ? "" : err.text, SLICE_ARG(buf_slice(&out)));
    buf_release(&out);
    arena_release(&arena);
    return same;
}

static void as_jinja2(void **state)
{
    (void)state;
    struct err err;
    struct arena arena = { 0 };
    slice all;
    if (!os_slurp("tests/data/chat/cases.jsonl", 1 << 24, &all, &err))
        fail_msg("%s", err.text);
    const struct json_node *vars = NULL;
    int good = 0, total = 0;
    for (slice rest = all; rest.len;) {
        ptrdiff_t n = slice_find(rest, '\n');
        struct json_node *line = json_parse(slice_make(rest.ptr, n), &arena, &err);
        assert_non_null(line);
        rest = slice_from(rest, n + 1);
        if (!vars) {
            vars = json_get(line, "vars");
            continue;
        }
        const struct json_node *runs = json_get(line, "runs");
        for (const struct json_node *run = runs->child; run; run = run->next, total++) {
            int64_t index;
            assert_true(json_int(run->items[0], &index));
            good += run_case(json_get_string(line, "template", SLICE("")), vars->items[index],
                             run->items[1]);
        }
    }
    print_message("# jinja2: %d/%d\n", good, total);
    assert_true(total > 400);
    assert_int_equal(good, total);
    arena_release(&arena);
    os_free(all);
}

static void assert_refused(const char *source, const char *why)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct buf out = { 0 };
    struct jinja *t = jinja_compile(slice_of(source), &arena, &err);
    if (t && jinja_render(t, NULL, 0, &arena, &out, &err))
        fail_msg("rendered: %.60s", source);
    assert_int_equal(err.class, t ? ERR_DATA : ERR_CONFIG);
    if (!strstr(err.text, why))
        fail_msg("%.60s: '%s' does not say '%s'", source, err.text, why);
    assert_int_equal(out.len, 0);
    buf_release(&out);
    arena_release(&arena);
}

static void limits(void **state)
{
    (void)state;
    assert_refused("{% for i in range(100000000) %}{% endfor %}", "too long");
    assert_refused("{% for i in range(9000) %}{% for j in range(9000) %}{% endfor %}{% endfor %}",
                   "too long");
    assert_refused("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too deep");
    assert_refused("{% set ns = namespace(s='ab') %}{% for i in range(60) %}"
                   "{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
                   "too long");
    assert_refused("{{ 'x' * 100000000000 }}", "too long");
    assert_refused("{{ 9223372036854775807 + 1 }}", "too long");
    assert_refused("{{ 900000000000000000 * 100 }}", "overflow");
    assert_refused("{{ 1 // 0 }}", "zero");
    assert_refused("\n{{ a.b.c }}", "line 2: 'a' is undefined");
    assert_refused("{{ x | nosuch }}", "unknown filter 'nosuch'");
    assert_refused("{% include 'x' %}", "unknown statement 'include'");
    assert_refused("{{ raise_exception('no ' ~ 'way') }}", "no way");
    assert_refused("{{ strftime_now('%d') }}", "'strftime_now' is undefined");
    char deep[2 * 5000 + 6] = "{{";
    memset(deep + 2, '(', 5000);
    deep[5002] = '1';
    memset(deep + 5003, ')', 5000);
    memcpy(deep + 10003, "}}", 3);
    assert_refused(deep, "too deep");
}

/* What outlives the loop that made it: macros and loop variables in a namespace. */
static void lifetimes(void **state)
{
    (void)state;
    struct json_node text = { .type = JSON_STRING, .text = SLICE("23") };
    struct json_node none = { .type = JSON_OBJECT };
    assert_true(run_case(SLICE("{% set ns = namespace() %}{% for x in [1, 2] %}"
                               "{% macro m() %}{{ x }}{% endmacro %}{% set ns.f = m %}"
                               "{% set ns.l = loop %}{% endfor %}{{ ns.f() }}{{ ns.l.index }}"),
                         &none, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_jinja2),
        cmocka_unit_test(limits),
        cmocka_unit_test(lifetimes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
