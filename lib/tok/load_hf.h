/* load_hf.h: reading the members of a tokenizer.json; for the files load_hf*.c only.
 *
 * Every function that reads a member says what is wrong with its JSON path: "$.decoder.prefix: not a
 * string".
 */
#ifndef LOAD_HF_H
#define LOAD_HF_H

#include "../json.h"
#include "tok_private.h"

#define LOAD_PATH_BYTES 256

bool load_fail(struct err *err, const char *path, const char *what);
bool load_unsupported(struct err *err, const char *path, slice type);
/* A component of the pipeline: an object with a type; *none when it is null or missing. */
bool load_component(const struct json_node *n, const char *path, slice *type, bool *none,
                    struct err *err);
bool load_bool(const struct json_node *n, const char *path, const char *key, bool *out,
               struct err *err);
/* The same, and a missing or null member leaves *out. */
bool load_bool_or(const struct json_node *n, const char *path, const char *key, bool *out,
                  struct err *err);
bool load_string(const struct json_node *n, const char *path, const char *key, slice *out,
                 struct err *err);
/* A string of one character. */
bool load_char(const struct json_node *n, const char *path, const char *key, slice *out,
               struct err *err);
/* An integer from `least` to `most`. */
bool load_int(const struct json_node *n, const char *path, const char *key, int64_t least,
              int64_t most, int64_t *out, struct err *err);
/* {"Regex": ...} or {"String": ...}: a literal, or a pattern (whose text is the literal too). */
bool load_pattern(struct tok *t, const struct json_node *n, const char *path,
                  struct pattern **pattern, slice *literal, struct err *err);

typedef bool load_fn(struct tok *t, const struct json_node *n, const char *path, struct err *err);
/* {"type":"Sequence","<key>":[...]} */
bool load_sequence(struct tok *t, const struct json_node *n, const char *path, const char *key,
                   load_fn *load, struct err *err);

bool load_normalizer(struct tok *t, const struct json_node *n, const char *path, struct err *err);
bool load_pretokenizer(struct tok *t, const struct json_node *n, const char *path, struct err *err);
bool load_postprocessor(struct tok *t, const struct json_node *n, const char *path,
                        struct err *err);
bool load_decoder(struct tok *t, const struct json_node *n, const char *path, struct err *err);
bool load_truncation(struct tok *t, const struct json_node *n, struct err *err);
bool load_padding(struct tok *t, const struct json_node *n, struct err *err);
/* After the post-processor: t->prefix and t->suffix, when one text gets nothing else. */
bool load_wrapping(struct tok *t, struct err *err);
bool load_added(struct tok *t, const struct json_node *list, struct err *err);

/* False with ERR_CONFIG "PATH: unknown member 'x'" unless every member of n is in the list
 * ("a|b|c"). */
bool load_check_members(const struct json_node *n, const char *path, const char *known,
                        struct err *err);

#endif
