/* htmlmain.h: which texts of a page are its main content.
 *
 * A page is cut into blocks (what stands between two starts or ends of block elements, or double
 * line breaks). Then
 *   1. elements that their tag, role or name calls navigation, footer, comments, sharing and so on
 *      are pruned, unless they hold most of the page's prose: names lie;
 *   2. each block gets a score: the length of its text when it reads like prose, less than nothing
 *      when it is links or a label;
 *   3. the content is the element whose blocks have the largest sum, where names like
 *      "entry-content" and the elements article and main add some;
 *   4. in it, the run of blocks with the largest sum is kept, without blocks of links and the labels
 *      that lead to them.
 * With too little found, the steps are taken again with less pruning, at last none. A page without
 * prose gives everything that is no link.
 *
 * The constants are in htmlmain.c; they know lengths, links and punctuation, not languages.
 *
 *     uint8_t *keep = html_main(&doc, &arena);       // per node; html_render(&doc, keep, &buf)
 *
 * Linear in the number of nodes. Pure and thread-safe. After Kohlschuetter et al. 2010 (boilerplate
 * detection by shallow text features), Readability and trafilatura in what they look at.
 */
#ifndef HTMLMAIN_H
#define HTMLMAIN_H

#include "htmldoc.h"

uint8_t *html_main(const struct html_doc *doc, struct arena *arena);

#endif
