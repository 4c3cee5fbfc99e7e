/* htmltext.h: a page's elements as plain text.
 *
 * Blocks begin on a new line; paragraphs, headings and tables have an empty line around them;
 * margins that meet are one; a line break is kept. Items of lists are indented by two spaces per
 * level and begin with a bullet or their number; cells of a row are separated by a tab. White space
 * is one space outside of pre; no-break spaces are spaces.
 * Scripts, styles, objects, form controls and what is meant for browsers without scripts are no text.
 *
 *     html_render(&doc, NULL, &buf);        // the whole page
 *     html_render(&doc, keep, &buf);        // texts i with keep[i] only
 *
 * Pure and thread-safe.
 */
#ifndef HTMLTEXT_H
#define HTMLTEXT_H

#include "../buf.h"
#include "htmldoc.h"

/* keep: one byte per node, looked at for texts; NULL: all. Appends; no newline at the end. */
void html_render(const struct html_doc *doc, const uint8_t *keep, struct buf *out);
/* The slice as one line: white space collapsed, none at the ends; appended. */
void html_one_line(slice text, struct buf *out);

#endif
