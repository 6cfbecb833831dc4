"""All faults."""

import allocating
import batching
import checking
import checkpointing
import inlining
import locking
import logging_
import opening
import reading
import replacing
import writing

MUTANTS = (*allocating.MUTANTS,
           *batching.MUTANTS,
           *checking.MUTANTS,
           *checkpointing.MUTANTS,
           *inlining.MUTANTS,
           *locking.MUTANTS,
           *logging_.MUTANTS,
           *opening.MUTANTS,
           *reading.MUTANTS,
           *replacing.MUTANTS,
           *writing.MUTANTS)
