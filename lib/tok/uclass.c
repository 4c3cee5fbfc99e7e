#include "uclass.h"

#include "uclass_table.inc"
