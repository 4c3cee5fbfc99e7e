/* subtitles.h: the words of subtitle files: SubRip (.srt) and WebVTT (.vtt).
 *
 * A cue becomes a line: its lines with a space in between, without marks (<i>, <c.yellow>, <00:01.5>,
 * {\an8}) and without its number and times. Headers, NOTE, STYLE and REGION blocks of WebVTT go; &amp;
 * &lt; &gt; &nbsp; &lrm; &rlm; are decoded there. What is no cue at all (a block without times) is
 * kept as it stands: it is text.
 *
 *     subtitles_text(utf8, &buf);
 *
 * Linear, pure and thread-safe. Sources: W3C WebVTT section 4; SubRip has none.
 */
#ifndef SUBTITLES_H
#define SUBTITLES_H

#include "../buf.h"

/* Appends; lines end with a newline but the last. */
void subtitles_text(slice utf8, struct buf *out);

#endif
