#include "scripts.h"

struct script_run {
    uint32_t first, last;
    int script;
};

#include "scripts_table.inc"

int script_of(uint32_t cp)
{
    ptrdiff_t low = 0, high = countof(script_runs);

    while (low < high) {
        ptrdiff_t middle = (low + high) / 2;
        if (script_runs[middle].last < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < countof(script_runs) && script_runs[low].first <= cp ? script_runs[low].script
                                                                      : SCRIPT_ANY;
}
