/* jinja.h: the part of Jinja that chat templates use: compile once, render per record.
 *
 * Behaves as jinja2 3.1 in the environment of Hugging Face transformers (trim_blocks,
 * lstrip_blocks, loop controls, a tojson that does not escape HTML, raise_exception). Statements:
 * for (else, if, recursive is refused), if/elif/else, set (also blocks and namespace attributes),
 * macro, call, filter, with, break, continue, raw, generation. Expressions: all operators, slices,
 * conditional expressions, calls with keyword arguments, filters, tests, string and dict methods.
 * What is not known (extends, include, import, an unknown filter) is an error at compile time that
 * names it. strftime_now is not defined: output never depends on the clock, and templates fall
 * back to their fixed date.
 *
 * Templates come from model files and are hostile: source size, nesting, steps and output are
 * bounded, and nothing but the given variables can be reached.
 *
 *     struct jinja *t = jinja_compile(source, &arena, &err);        // process lifetime
 *     struct jinja_var vars[] = { { "messages", messages }, ... };
 *     jinja_render(t, vars, countof(vars), &scratch, &out, &err);
 *
 * A compiled template is read-only and thread-safe. Source: jinja.palletsprojects.com/en/3.1.x;
 * transformers utils/chat_template_utils.py.
 */
#ifndef JINJA_H
#define JINJA_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"
#include "../json.h"

#define JINJA_SOURCE_MAX     (1 << 20)
#define JINJA_OUTPUT_MAX     (64 << 20)
#define JINJA_STEPS_MAX      4000000 /* nodes, items and 64 bytes of text per rendering */
#define JINJA_DEPTH_MAX      200     /* of a template's nesting */
#define JINJA_EVAL_DEPTH_MAX 1000    /* with macros that call macros */

struct jinja;

struct jinja_var {
    const char *name;
    const struct json_node *value; /* NULL: not defined */
};

/* NULL with ERR_CONFIG "line N: ...". source is borrowed for the life of the template. */
struct jinja *jinja_compile(slice source, struct arena *arena, struct err *err);

/* Appends the rendered text to out. False with ERR_DATA: what raise_exception said, or the line and
 * what is wrong. Values live in scratch; out is at most JINJA_OUTPUT_MAX longer. */
bool jinja_render(const struct jinja *t, const struct jinja_var *vars, int count,
                  struct arena *scratch, struct buf *out, struct err *err);

#endif
