/* near.h: drop records that are nearly equal to an earlier one
 *
 * Streaming, the first stays: each record is compared with the records that were kept before it. Its
 * candidates are those that share a band of the MinHash signature (lsh.h); in the order of the input,
 * the first whose true Jaccard similarity is at least the threshold makes the record a duplicate of
 * it. Nothing below the threshold is ever a duplicate. With PAIRING_ESTIMATE the share of equal minima
 * decides instead.
 *
 * Signatures are made by the workers; what depends on order (the look-up, the decision) is commit.
 * In memory a kept record takes 8 bytes per band times 1.14 to 1.43, and 16 more: 175 bytes at most
 * with 14 bands. The texts (or the signatures, with PAIRING_ESTIMATE) lie in a spool in $TMPDIR.
 * A record without shingles (an empty text) is kept and never compared.
 *
 * In three steps, of which all but the last can run anywhere: `sign` writes a row for each band of each
 * record, a sort brings equal keys together, bandrows_pairs keeps what records share, and `resolve`
 * reads it and the records, and decides as above: the same output, when each record has an id of
 * its own. Memory: 16 bytes per row, and as above for the records that are named.
 *
 * With an index, records that earlier runs kept come first: they are looked up there, by band, and what
 * is kept is added when the output is complete, with its text (or signature). The same records in one
 * run or in many give the same output.
 *
 * A named driver of sig/. Errors: those of flow, of the spool (ERR_IO), and ERR_DATA beyond 2^32 - 2
 * kept records.
 */
#ifndef NEAR_H
#define NEAR_H

#include "mode.h"
#include "pairing.h"

struct near_options {
    double threshold;
    struct signing_options signing;
    enum pairing_decide decide;
    bool annotate;
    bool sign;              /* write band keys (bandrows.h) instead of records */
    const char *resolve;    /* rows that bring candidates together, or NULL: signatures do */
    const char *against;    /* records are compared with those of this file only, or NULL */
    const char *index;      /* folder of records of earlier runs (index.h), or NULL */
    int64_t max_candidates; /* per record and per band; more are not looked at */
};

bool near_run(const struct mode_env *env, const struct near_options *options, struct err *err);

#endif
