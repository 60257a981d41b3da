"""Fixed histories of a log, as calls of the simulation: some failed once, others are rarely drawn."""

from typing import Final

HISTORIES: Final = {
    "what tells which log it is cannot be read where it moved to": """
        begin(is_glob=False, lines=1); move(); append_much(); move(); rename(); rename(); copy(); move()
        run_blind(index=3); run()
    """,
    "a torn copy is compressed, and the log moves alone": """
        begin(is_glob=False, lines=1); tear(length=5); copy(); compress(encoding=".gz"); run()
        append_much(); move(); delete(index=0); run()
    """,
    "a log of equal lines begins anew, and is torn within the second one": """
        begin(is_glob=True, lines=3, is_repetitive=True); tear(length=18); copytruncate(); regrow(); tear(length=1)
        run()
    """,
    "a run that found a copy beside a log of which nothing was read is killed": """
        begin(is_glob=True, lines=0); append(lines=3, old=False); copy(); killed(at=38, commit_bytes=100, torn=False)
        run()
    """,
    "a log moves with a copy of its beginning, and cannot be read there": """
        begin(is_glob=True, lines=1); append_much(); copy(); append_much(); run(); move(); run_blind(index=0); run()
    """,
    "beginnings of lines rotate alone": """
        begin(is_glob=False, lines=3); rename(); tear(length=6); rename(); killed(at=54, commit_bytes=1000, torn=True)
        tear(length=19); rename(); regrow(); run()
    """,
    "a copy that could not be read is compressed": """
        begin(is_glob=False, lines=2); copy(); move(); run_blind(index=3); compress(encoding=".gz"); run()
    """,
    "an empty log is compressed and cannot be read": """
        begin(is_glob=False, lines=0); rename(); compress(encoding=".gz"); run_blind(index=5); run()
    """,
    "a log moves again while it is in doubt whether it moved": """
        begin(is_glob=False, lines=3); regrow(); copytruncate(); move(); copy(); run_blind(index=3); move()
        run_blind(index=0); run()
    """,
    "equal lines are copied and move at once": """
        begin(is_glob=True, lines=1, is_repetitive=True); copy(); move(); append_much(); run()
    """,
    "wrong fields first, and again": """
        begin(is_glob=False, lines=3, is_wrong=True); append(lines=2, old=False); run_wrongly(); rename(); run()
        run_wrongly(); append(lines=1, old=False); run()
    """,
    "wrong fields while there is nothing, and files rotate": """
        begin(is_glob=False, lines=0, is_wrong=True); run_wrongly(); append(lines=2, old=False); run_wrongly()
        rename(); append(lines=2, old=False); run_wrongly(); run()
    """,
    "a log that moved unread rotates on while an empty one is torn and compressed": """
        begin(is_glob=False, lines=2, is_wrong=True); append_much(); append_much(); move(); rename(); move()
        run_blind(index=5); tear(length=4); rename(); compress(encoding=".bz2"); run(is_beside=True)
    """,
    "a log is cut back, copied while it is torn, and goes on, all before it is read": """
        begin(is_glob=False, lines=1); append(lines=3, old=False); copy(); cut_back(reuse_inode=True)
        append(lines=2, old=False); tear(length=3); copy(); append(lines=4, old=False); run()
    """,
    "a copy takes the place of its beginning, which is torn, and is copied again, beside a log that cannot be read": """
        begin(is_glob=False, lines=0); rename(); tear(length=0); regrow(); copy(); tear(length=9); copytruncate()
        run_blind(index=0); run()
    """,
    "a run that cannot read a copy doubts another one, and the log is lost before the next run": """
        begin(is_glob=False, lines=0); copy(); append(lines=1, old=False); copy(); run_blind(index=2)
        cut_back(reuse_inode=False); run()
    """,
    "a log cannot be read when a copy is compared with it, and the copy cannot be read in the next run": """
        begin(is_glob=True, lines=1); copy(); run(); run_blind(index=0); run_blind(index=1); run()
    """,
    "a log of one line moves with a copy, cannot be read there, and is copied again": """
        begin(is_glob=False, lines=1); copy(); move(); run_blind(index=0); copy(); run_blind(index=2); run()
    """,
    "equal lines are added to an empty log after it was rotated and seen": """
        begin(is_glob=False, lines=0, is_repetitive=True); rename(); append(lines=1, old=False); run()
        append(lines=1, old=True); run()
    """,
    "fewer equal lines than the log has are added to an empty one after it was rotated and seen": """
        begin(is_glob=False, lines=0, is_repetitive=True); rename(); append(lines=4, old=False); run()
        append(lines=2, old=True); run(); append(lines=4, old=True); run()
    """,
    "what was read of a log rotates, cannot be read there, and is compressed": """
        begin(is_glob=False, lines=1); copytruncate(); run_blind(index=1); compress(encoding=".gz"); run()
    """,
    "an empty log is copied, written to, and copied again, and one of the two cannot be read in each run": """
        begin(is_glob=True, lines=0); copy(); append(lines=1, old=False); copy(); run_blind(index=0)
        run_blind(index=2); run()
    """,
    "a run is killed after it read the rest of a log in one of its two copies": """
        begin(is_glob=False, lines=1); append(lines=2, old=False); copy(); copytruncate(); append(lines=1, old=False)
        killed(at=47, commit_bytes=100, torn=False); run()
    """,
    "an empty log that moved is torn and compressed, beside what could not be read where it moved": """
        begin(is_glob=False, lines=1); rename(); move(); run_blind(index=1); tear(length=0); rename()
        compress(encoding=".gz"); compress(encoding=".gz"); run()
    """,
    "the beginning of the only line rotates and is counted, and the line becomes what the log has": """
        begin(is_glob=False, lines=0, is_repetitive=True); tear(length=0); rename(); append(lines=1, old=False); run()
        append(lines=0, old=True); run()
    """,
    "a log of one line is copied, moves at once, and goes on": """
        begin(is_glob=False, lines=1); copy(); move(); append(lines=1, old=False); run()
    """,
    "a log is lost while one of its copies cannot be read": """
        begin(is_glob=False, lines=1); copy(); append(lines=1, old=False); copy(); run_blind(index=2)
        cut_back(reuse_inode=False); run_blind(index=1); run()
    """,
    "two copies of one line move, and each of them can be read in one run only": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run_blind(index=1); move(); run_blind(index=2); run()
    """,
    "what seemed to be a copy of one line goes on": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); append(lines=1, old=False); run()
        append(lines=1, old=True); run()
    """,
    "what seemed to be a copy of several lines goes on": """
        begin(is_glob=False, lines=1); append(lines=1, old=False); copy(); copytruncate(); run()
        append(lines=1, old=True); run()
    """,
    "an equal line is added to an empty log after it was rotated and seen, and it is compressed": """
        begin(is_glob=False, lines=0, is_repetitive=True); rename(); append(lines=1, old=False); run()
        append(lines=1, old=True); compress(encoding=".bz2"); run()
    """,
    "more equal lines than the log has are added to an empty one after it was rotated and seen": """
        begin(is_glob=False, lines=1, is_repetitive=True); rename(); rename(); append(lines=1, old=False)
        run_among_many(); run(); append(lines=2, old=True); run()
    """,
    "an unread log rotates on, and an empty one that was seen is torn and compressed": """
        begin(is_glob=False, lines=0); append_much(); run_blind(index=0); rename(); run_blind(index=5); tear(length=4)
        rename(); compress(encoding=".bz2"); run()
    """,
    "an empty log is torn, compressed, and cannot be read": """
        begin(is_glob=False, lines=1); rename(); run(); tear(length=0); rename(); compress(encoding=".gz")
        run_blind(index=1); run()
    """,
    "a run that took a torn copy of the log for one of an older file is killed": """
        begin(is_glob=False, lines=1); rename(); append_much(); rename(); tear(length=0); copy()
        killed(at=56, torn=False, commit_bytes=100); run()
    """,
    "a log is lost whose first line is all that an older copy has, which could not be read beside it": """
        begin(is_glob=True, lines=1); copy(); append(lines=1, old=False); copy(); run_blind(index=2)
        cut_back(reuse_inode=False); run()
    """,
    "what was read of a log rotates and cannot be read, beside a copy of it": """
        begin(is_glob=False, lines=1); copy(); append(lines=1, old=False); rename(); copy()
        append(lines=1, old=False); run_blind(index=2); run()
    """,
    "a log whose torn end was counted by a copy begins anew in its place": """
        begin(is_glob=False, lines=1); rename(); tear(length=0); copy(); run_blind(index=0); run_blind(index=2)
        regrow(); run()
    """,
    "a log of one line rotates after it was copied twice, and cannot be read there": """
        begin(is_glob=True, lines=1); copy(); copy(); rename(); run_blind(index=1); run()
    """,
    "a compressed copy of the first line of a log moves with it, and each of them can be read in one run only": """
        begin(is_glob=False, lines=1); copy(); append(lines=1, old=False); compress(encoding=".gz"); run_blind(index=1)
        move(); run_blind(index=0); run()
    """,
    "what seemed to be a copy of one line goes on, and moves": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run(); append(lines=1, old=True); move(); run()
    """,
    "what seemed to be a copy of one line goes on, and the log is lost": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); append(lines=1, old=False); run()
        append(lines=1, old=True); cut_back(reuse_inode=False); run()
    """,
    "a log that was empty rotates and cannot be read there, beside an empty copy of the next one": """
        begin(is_glob=False, lines=0); append(lines=1, old=False); rename(); copy(); append(lines=1, old=False)
        run_blind(index=2); run()
    """,
    "what could not be read, and then seemed to be a copy of one line, goes on": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run_blind(index=1); run(); append(lines=1, old=True)
        run()
    """,
    "a log of equal lines is copied and begins anew twice": """
        begin(is_glob=False, lines=1, is_repetitive=True); regrow(); copytruncate(); append(lines=1, old=False); run()
    """,
    "a run is killed that found what was the log in one of its copies, and the other one goes on": """
        begin(is_glob=False, lines=1); append(lines=2, old=False); copy(); copytruncate()
        killed(at=47, commit_bytes=100, torn=False); append(lines=1, old=True); run()
    """,
    "two copies of one line are left while what shows that they are copies cannot be read": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run_blind(index=1); rename(); run_blind(index=1); run()
    """,
    "what seemed to be a copy of one line goes on, and the other one is removed": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run(); append(lines=1, old=True); delete(index=0); run()
    """,
    "equal lines are added to a log after it was rotated and seen, and it is compressed": """
        begin(is_glob=False, lines=1, is_repetitive=True); rename(); append(lines=2, old=False); run()
        append(lines=1, old=True); compress(encoding=".gz"); run()
    """,
    "what seemed to be a copy of the beginning of a line goes on, and is compressed": """
        begin(is_glob=False, lines=1); rename(); append_much(); run(); rename(); tear(length=0); copy(); run()
        rename(); append(lines=1, old=False); run(); append(lines=1, old=True); compress(encoding=".bz2"); run()
    """,
    "what seemed to be a copy of one line goes on, and is compressed": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); append(lines=1, old=False); run()
        append(lines=1, old=True); compress(encoding=".gz"); run()
    """,
    "a log of which only a copy could be read is edited": """
        begin(is_glob=True, lines=0); append_much(); copy(); run_blind(index=0); edit(reuse_inode=True); run()
    """,
    "what seemed to be a copy of one line cannot be read, and goes on": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run(); run_blind(index=1); run()
        append(lines=1, old=True); run()
    """,
    "an empty log is torn, compressed, and cannot be read, and the next one cannot be read when it can": """
        begin(is_glob=False, lines=1); rename(); run(); tear(length=0); rename(); compress(encoding=".gz")
        run_blind(index=1); run_blind(index=0); run()
    """,
    "what a log was when it rotated cannot be read beside a copy of its beginning, and is compressed": """
        begin(is_glob=False, lines=1); copy(); append(lines=1, old=False); copytruncate(); run_blind(index=1)
        compress(encoding=".gz"); run()
    """,
    "the beginning of a line is in the file that was the log, and cannot be read there": """
        begin(is_glob=False, lines=1); regrow(); copytruncate(); tear(length=0); rename(); copy(); run_blind(index=0)
        run_blind(index=2); run()
    """,
    "a copy of one line cannot be read, is compressed, and is compared while the log cannot be read": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run_blind(index=1); compress(encoding=".gz")
        run_blind(index=0); run()
    """,
    "what seemed to be a copy of one line goes on, and is compressed, and the other one is removed": """
        begin(is_glob=False, lines=1); copy(); copytruncate(); run(); append(lines=1, old=True); delete(index=0)
        compress(encoding=".gz"); run()
    """,
    "a copy of less than a line is read while it is made, beside a log that was read": """
        begin(is_glob=True, lines=3); slow_copy(length=5, more=40, lines=2, runs=31, is_cut=True); run()
    """,
    "a copy of less than a line is read while it is made, beside a log that was not read": """
        begin(is_glob=True, lines=3); copytruncate(); append(lines=3, old=False)
        slow_copy(length=21, more=17, lines=4, runs=29, is_cut=True); run()
    """,
    "a copy is made slowly after another one, and the log itself is asked for": """
        begin(is_glob=False, lines=3); copytruncate(); append(lines=2, old=False); run()
        slow_copy(length=5, more=9, lines=1, runs=7, is_cut=True); append(lines=1, old=False); run()
    """,
    "a copy of equal lines was empty when it began": """
        begin(is_glob=True, lines=0, is_repetitive=True)
        slow_copy(length=0, more=0, lines=0, runs=11, is_cut=True)
        slow_copy(length=0, more=75, lines=2, runs=11, is_cut=False); run()
    """,
    "a copy of one line is doubted while it is made, and the log is cut back": """
        begin(is_glob=True, lines=0); slow_copy(length=0, more=0, lines=1, runs=12, is_cut=True); run()
    """,
    "a copy of equal lines is made slowly beside a rotated log of one": """
        begin(is_glob=False, lines=1, is_repetitive=True); rename(); append_much()
        slow_copy(length=0, more=145, lines=1, runs=31, is_cut=True); run()
    """,
    "a log of equal lines is copied and renamed, and the next one has fewer of them": """
        begin(lines=1, is_repetitive=True, is_glob=False); append_much(); run(); copy(); rename(); append_much(); run()
    """,
    "a copy that was seen before it was all that is left of a log cannot be read": """
        begin(is_glob=False, lines=0); append(lines=1, old=False)
        slow_copy(length=0, more=0, lines=0, runs=8, is_cut=True); run_blind(index=1); run()
    """,
    "a copy that was seen while it was made is all that is left of a log, and cannot be read": """
        begin(is_glob=False, lines=0); append(lines=2, old=False)
        slow_copy(length=60, more=0, lines=0, runs=1, is_cut=True); run_blind(index=1); run()
    """,
    "a compressed copy is left of a compressed log that is removed, and rotates on": """
        begin(is_wrong=True, lines=3, is_glob=False); compress(encoding=".bz2"); rename(); run_blind(index=0)
        append_much(); run_blind(index=0); append_much(); cut_back(reuse_inode=False); copy(); append(lines=2, old=True)
        copytruncate(); move(); compress(encoding=".bz2"); run_wrongly(); compress(encoding=".bz2"); append_much()
        run(is_beside=True); delete(index=2); copy(); run_among_many()
    """,
    "a copy that is still being made is taken for an older log of equal lines that goes on": """
        begin(is_glob=False, lines=1, is_repetitive=True); rename()
        slow_copy(length=0, more=0, lines=1, runs=2, is_cut=True)
        slow_copy(length=0, more=0, lines=2, runs=20, is_cut=True)
        slow_copy(length=0, more=65, lines=2, runs=12, is_cut=True); run()
    """,
    "a copy that is still being made is taken for what was copied of a log of equal lines": """
        begin(is_glob=True, lines=2, is_repetitive=True); copytruncate()
        slow_copy(length=20, more=89, lines=1, runs=2, is_cut=True)
        slow_copy(length=5, more=99, lines=4, runs=20, is_cut=True)
        slow_copy(length=3, more=128, lines=4, runs=28, is_cut=True); run()
    """,
    "a log of one line and its compressed copy move to another folder": """
        begin(is_glob=True, lines=1); copy(); append_much(); compress(encoding=".gz"); move(); append_much(); run()
    """,
    "a log of one line and its compressed copy move to another folder, as does an older log": """
        begin(is_glob=True, is_repetitive=False, lines=1, is_wrong=True); rename(); regrow(); copy()
        compress(encoding=".gz"); move(); append(lines=1, old=False); run_among_many()
    """,
    "a copy of equal lines, seen when it was torn, is all that is left of a log that grew again": """
        begin(lines=0, is_wrong=True, is_repetitive=True, is_glob=False); tear(length=3)
        slow_copy(is_cut=True, length=7, lines=4, more=45, runs=1); append_much()
        slow_copy(is_cut=False, length=37, lines=1, more=10, runs=10)
    """,
    "a copy, seen when it was torn, is all that is left of a log that is torn and copied again": """
        begin(is_repetitive=False, is_glob=False, is_wrong=True, lines=2); tear(length=19)
        compress(encoding=".bz2"); run_blind(index=5); run_blind(index=0); delete(index=3)
        slow_copy(is_cut=True, length=22, lines=0, more=51, runs=23); run(is_beside=False); tear(length=1)
        slow_copy(is_cut=False, length=1044, lines=0, more=127, runs=21)
    """,
    "more rotated files than descriptors": "begin(is_glob=False, lines=1); "
    + "rename(); append(lines=1, old=False); " * 40
    + "run_among_many()",
    "more copies than descriptors, each in place of the last": "begin(is_glob=False, lines=0); rename(); "
    + "append(lines=1, old=False); copy(); " * 20
    + "run_among_many()",
    "more files than descriptors": """
        begin(is_glob=True, lines=2); run_among_many(); append_much(); rename(); append(lines=1, old=True)
        compress(encoding=".gz"); run_among_many(); move(); run_among_many()
    """,
}
