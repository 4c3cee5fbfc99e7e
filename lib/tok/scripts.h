/* scripts.h: the script of a code point, as the pre-tokenizer UnicodeScripts sees it: Hiragana, Katakana
 * and Han are one; a blank and what is unassigned have none. The table is measured (gen/scripts.py).
 *
 *     if (script_of(cp) != script_of(before)) ...
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

#include "../base.h"

#define SCRIPT_ANY 0 /* no script: never a reason to cut */

int script_of(uint32_t cp);

#endif
