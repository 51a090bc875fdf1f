/* The ring of hotpath/ring.h as a model: one writer that dies and starts again, a stopped writer of
 * an older epoch that resumes, and one reader (gating and dozing, or with -DLOSSY lossy) that dies.
 *
 * A cell is eight bytes. A record is two cells, its commit word (0 or 1) and its body, which
 * holds its position; the record at byte 2(p-1) must be p, which is what every assertion asks. The
 * writer's steps become visible in any order that ring_order.h allows, and a death may follow each.
 * `weak` is the one order (or step of the protocol) taken away, 0 = none; the test gives it in the
 * environment, so that one compiled verifier tries them all. GAP and TAKEOVER cannot be seen here:
 * a processor that computes an address from what it loads keeps their order, only the language does
 * not; ring_relacy.cpp has them. */
#define CELLS 5
#define SPAN 2
#ifndef RECORDS
#define RECORDS 5
#endif
#ifndef WRITER_DEATHS
#define WRITER_DEATHS 2
#endif
#ifndef READER_DEATHS
#define READER_DEATHS 1
#endif
#define POSITION(p) ((p) / SPAN + 1)
#ifdef LOSSY
#define OF(own) 0
#else
#define OF(own) ((own) << 4)          /* a body also says which writer wrote it */
#endif

#define W_LIMIT 1
#define W_ANNOUNCE 2
#define W_COMMIT 3
#define W_HEAD 4
#define W_RING 5
#define W_DOZE 6
#define W_PEEK 7
#define W_COPY 8
#define W_LAPPED 9
#define W_PUBLISH 10
#define S_CLEAR 11    /* the next commit word is not cleared */
#define S_EFFECT 12   /* the cursor moves before the effect is safe */
#define S_EPOCH 13    /* an old writer does not look at the epoch */
#define S_WALK 14     /* a restarted writer trusts `head` and does not walk on */
#define S_RECHECK 15  /* a lossy reader does not look again after it copied */

c_decl { \#include <stdlib.h> }
byte weak;

byte cell[CELLS];
byte head, announced, epoch = 1, cursor;
bool sleeping, bell;

byte writer_deaths, reader_deaths;
bool stopped;                         /* a writer was stopped between two records */
byte stopped_at, stopped_epoch;
bool written;                         /* all records */
byte safe, safe_body;                 /* the last record whose effect is safe: it survives deaths */

#define WORD(p) cell[(p) % CELLS]
#define BODY_OF(p) cell[((p) + 1) % CELLS]
#define MAY_DIE (writer_deaths < WRITER_DEATHS && weak != W_HEAD)
#define DIE_WRITER if :: MAY_DIE -> writer_deaths++; goto restart :: true fi

#define ROOM 1
#define ANN 2
#define BODY 4
#define CLEAR 8
#define COMMIT 16
#define HEAD 32
#define LOOK 64
#define HAS(x) ((steps & (x)) == (x))

proctype writer() {
    byte at, last, steps, end, own;
restart:
    skip;
    d_step { epoch++; own = epoch; at = head; last = at }
    do
    :: WORD(at) && weak != S_WALK -> last = at; at = at + SPAN
    :: else -> break
    od;
    head = last;
    d_step { if :: sleeping -> sleeping = false; bell = true :: else fi }  /* its first turn rings */
    do
    :: at < RECORDS * SPAN ->
        if /* a stop between two records, at most once */
        :: !stopped && MAY_DIE ->
            d_step { stopped = true; stopped_at = at; stopped_epoch = own; writer_deaths++ }
            goto restart
        :: true
        fi;
        d_step { steps = 0; end = at + SPAN + 1 }
        do
#ifdef LOSSY
        :: !HAS(ROOM) -> steps = steps | ROOM
#else
        :: !HAS(ROOM) && end <= cursor + CELLS -> steps = steps | ROOM
#endif
        :: HAS(ROOM) && !HAS(ANN) ->
            d_step {
                if :: end > announced -> announced = end :: else fi;
                steps = steps | ANN
            }
            DIE_WRITER
        :: !HAS(BODY) && (HAS(ANN) || (HAS(ROOM) && weak == W_ANNOUNCE) || weak == W_LIMIT) ->
            d_step { BODY_OF(at) = POSITION(at) | OF(own); steps = steps | BODY }
            DIE_WRITER
        :: !HAS(CLEAR) && (HAS(ANN) || (HAS(ROOM) && weak == W_ANNOUNCE) || weak == W_LIMIT) ->
            d_step {
                if :: weak != S_CLEAR -> WORD(at + SPAN) = 0 :: else fi;
                steps = steps | CLEAR
            }
            DIE_WRITER
        :: !HAS(COMMIT) && (HAS(ANN | BODY | CLEAR) || (HAS(ANN) && weak == W_COMMIT)) ->
            d_step { WORD(at) = POSITION(at); steps = steps | COMMIT }
            DIE_WRITER
        :: !HAS(HEAD) && HAS(COMMIT) ->
            d_step { head = at; steps = steps | HEAD }
            DIE_WRITER
        :: HAS(ANN) && !HAS(HEAD) && weak == W_HEAD ->     /* the next record's, up in front */
            d_step { head = at + SPAN; steps = steps | HEAD }
        :: HAS(ROOM) && !HAS(LOOK) && (HAS(COMMIT) || weak == W_RING) ->
            d_step { if :: sleeping -> sleeping = false; bell = true :: else fi; steps = steps | LOOK }
        :: HAS(ROOM | ANN | BODY | CLEAR | COMMIT | HEAD | LOOK) -> break
        od;
        at = at + SPAN
    :: else -> break
    od;
    written = true
}

/* A process stopped by a signal, resumed after another took its place. */
proctype resumed() {
    do
    :: stopped && epoch != stopped_epoch && weak == S_EPOCH ->
        d_step { BODY_OF(stopped_at) = POSITION(stopped_at) | OF(stopped_epoch); WORD(stopped_at + SPAN) = 0 }
        WORD(stopped_at) = POSITION(stopped_at);
        head = stopped_at;
        break
    :: stopped && epoch != stopped_epoch && weak != S_EPOCH -> break
    :: written && !stopped -> break
    od
}

#ifndef LOSSY
#define DIE_READER if :: reader_deaths < READER_DEATHS -> reader_deaths++; goto attach :: true fi

proctype gating() {
    byte at, found, seen;
attach:
    skip;
    d_step { at = cursor; sleeping = false; seen = 0 }
    do
    :: safe == RECORDS && cursor == RECORDS * SPAN -> break
    :: else ->
        if
        :: weak == W_PEEK -> seen = BODY_OF(at)             /* the body in front of the word */
        :: else
        fi;
        found = WORD(at);
        if
        :: found ->
            if :: weak != W_PEEK -> seen = BODY_OF(at) :: else fi;
            assert(found == POSITION(at) && (seen & 15) == found); /* whole, in its place */
            DIE_READER;
            if
            :: weak == W_PUBLISH -> cursor = at + SPAN
            :: else
            fi;
            seen = BODY_OF(at);                            /* used in place: nobody wrote there */
            if
            :: weak == S_EFFECT -> cursor = at + SPAN; DIE_READER
            :: else
            fi;
            d_step {
                assert((seen & 15) == POSITION(at));
                assert((seen & 15) <= safe + 1);           /* none skipped */
                assert((seen & 15) != safe || seen == safe_body); /* read again it is the same */
                if :: (seen & 15) > safe -> safe = seen & 15; safe_body = seen :: else fi;
                at = at + SPAN;
                seen = 0;
                found = 0
            }
            DIE_READER;
            if
            :: cursor = at
            :: WORD(at) && at < RECORDS * SPAN           /* or later, for several at once */
            fi;
            DIE_READER
        :: !found ->
            if
            :: weak == W_DOZE -> found = WORD(at); sleeping = true
            :: else -> sleeping = true; found = WORD(at)
            fi;
            if
            :: !found ->
                if
                :: bell -> bell = false
                :: reader_deaths < READER_DEATHS -> reader_deaths++; goto attach
                fi
            :: found
            fi;
            sleeping = false
        fi
    od
}
#else
proctype lossy() {
    byte at, from, found, seen, passed, deaths;
attach:
    at = head;
    do
    :: from > RECORDS || (written && from == RECORDS + 1) -> break
    :: else ->
        if :: weak == W_COPY -> seen = BODY_OF(at) :: else fi;
        found = WORD(at);
        if :: weak != W_COPY && found -> seen = BODY_OF(at) :: else fi;
        if
        :: weak == W_LAPPED -> skip                        /* `passed` is of before the copy */
        :: weak == S_RECHECK -> passed = 0
        :: else -> passed = announced
        fi;
        if
        :: passed > at + CELLS ->                          /* lapped: to the record named by head */
            at = head;
            found = WORD(at);
            seen = BODY_OF(at);
            passed = announced;
            if
            :: passed > at + CELLS || !found -> skip
            :: else -> assert(found == POSITION(at) && seen == found); from = seen
            fi
        :: passed <= at + CELLS && found ->
            assert(found == POSITION(at) && seen == found);
            assert(from == 0 || from == seen || from > RECORDS);
            d_step { from = seen + 1; at = at + SPAN }
        :: passed <= at + CELLS && !found && written && at == RECORDS * SPAN -> break
        :: passed <= at + CELLS && !found && !(written && at == RECORDS * SPAN) -> skip
        fi;
        if :: weak == W_LAPPED -> passed = announced :: else -> passed = 0 fi;
        d_step { seen = 0; found = 0 }
        if
        :: deaths < READER_DEATHS -> deaths++; from = 0; goto attach
        :: true
        fi
    od
}
#endif

init {
    c_code { now.weak = (unsigned char)atoi(getenv("WEAK")); };
    atomic {
        run writer();
        run resumed();
#ifdef LOSSY
        run lossy()
#else
        run gating()
#endif
    }
}
