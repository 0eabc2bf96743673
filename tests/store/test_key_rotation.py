"""The signing key is changed on both databases: nothing is lost, nothing forged goes unseen."""

from __future__ import annotations

import base64
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

from api.audit.anchor import HEAD_FILE, read_anchor
from api.audit.entry import entry
from api.audit.handing_out import hand_out
from api.audit.key_change import CHANGED, KeyChange, begun, sign_change
from api.audit.key_files import CHANGES_FILE, LOCK_FILE, PENDING_FILE, key_lock, old_public_file
from api.audit.log import Record, SigningKeyReplacedError, append
from api.audit.rotation import rotate_again, rotate_key
from api.audit.signing import KEY_FILE, PUBLIC_FILE, Head, Verifier, open_signer, read_public_key
from api.audit.verify import Verification, verify
from api.problems import problem_of
from api.record_folder import EarlierRecordError, open_record, open_restored
from api.refusals import AuditRefusedError
from api.store.schema import audit
from tests.store.recording import START, MovedClock
from tests.store.test_audit import rewrite as seal_anew
from tests.store.test_audit import somebody_else, tamper

WHO, WHY = "operator:root", "yearly"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def record(store_url: str, folder: Path) -> Iterator[Record]:
    with open_record(folder, store_url, clock=MovedClock()) as opened:
        look(opened, 3)
        yield opened


def look(record: Record, rows: int) -> None:
    for number in range(rows):
        record.note(entry("ann", "plan.read", "plan", f"p{number}", operation="consultation"))


def rotated(record: Record) -> str:
    return rotate_key(record, by=WHO, reason=WHY).new_key_id


def checked(record: Record, *anchors: Head, key: Verifier | None = None) -> Verification:
    with record.store.read() as tx:
        return verify(tx, key or record.signer.verifier, anchors)


def kinds(result: Verification) -> set[str]:
    return {one.kind for one in result.findings}


def key_in(folder: Path, name: str = PUBLIC_FILE) -> Verifier:
    return read_public_key(folder / name)


def test_from_the_change_on_the_new_key_signs_and_every_key_of_the_chain_vouches_for_all_of_it(
    record: Record, folder: Path
) -> None:
    private = (folder / KEY_FILE).read_bytes()
    first, early = key_in(folder), hand_out(record, "ann")
    done = rotate_key(record, by=WHO, reason=WHY)
    look(record, 2)
    middle = hand_out(record, "ann")
    third = rotated(record)
    late = hand_out(record, "ann")
    assert done.position == early.position + 3  # that it was handed out, the change, the new key
    assert (early.key_id, middle.key_id, late.key_id) == (first.key_id, done.new_key_id, third)
    kept = read_anchor(folder / HEAD_FILE)
    for key in (first, key_in(folder, old_public_file(done.new_key_id)), key_in(folder)):
        result = checked(record, early, middle, late, kept, key=key)
        assert (result.sound, result.anchors) == (True, 4), result.findings
        assert result.keys == (first.key_id, done.new_key_id, third)
    assert key_in(folder, old_public_file(first.key_id)) == first
    assert all(private not in one.read_bytes() for one in folder.glob("audit-*"))
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert not (folder / PENDING_FILE).exists()
    with record.store.read() as tx:
        change = tx.execute(select(audit).where(audit.c.action == CHANGED)).first()
    assert change is not None
    assert (change.actor, change.reason) == (WHO, WHY)
    assert change.object_id == done.new_key_id


def test_a_service_that_runs_takes_the_new_key_for_its_next_change(
    record: Record, folder: Path, store_url: str
) -> None:
    workers = [Record(record.store, record.signer, folder, record.clock) for _ in range(3)]
    new = rotated(record)
    for worker in workers:
        look(worker, 1)
        assert worker.signer.verifier.key_id == new
    assert hand_out(workers[0], "ann").key_id == new
    assert checked(workers[1]).sound


def test_a_service_with_another_data_directory_changes_nothing_until_it_has_the_new_key(
    record: Record, folder: Path, tmp_path: Path, store_url: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / KEY_FILE).write_bytes((folder / KEY_FILE).read_bytes())
    (other / KEY_FILE).chmod(0o600)
    elsewhere = Record(record.store, open_signer(other), other, record.clock)
    rotated(record)
    with pytest.raises(SigningKeyReplacedError, match=r"copy audit-key.pem") as refused:
        look(elsewhere, 1)
    assert problem_of(refused.value).status == 503
    with (
        pytest.raises(AuditRefusedError, match=r"which was replaced.*copy audit-key.pem"),
        open_record(other, store_url),
    ):
        pass
    (other / KEY_FILE).write_bytes((folder / KEY_FILE).read_bytes())
    look(elsewhere, 1)
    with open_record(other, store_url, clock=record.clock) as again:
        look(again, 1)
    assert key_in(other) == key_in(folder)
    assert checked(record).sound


def forged_change(record: Record, folder: Path, change: KeyChange) -> set[str]:
    """Append a change of key as somebody would who owns the database and has a key of their own."""
    evil = open_signer(folder)
    with record.store.write() as tx:
        append(tx, [change.entry("mallory", WHY)], START, evil)
        append(tx, [begun("mallory", change.new, WHY)], START, evil)
    result = checked(record)
    assert [one.position for one in result.findings if one.kind == "forged key"] == [4]
    assert result.keys == (record.signer.verifier.key_id,)
    return kinds(result)


def test_a_change_that_another_key_signed_is_found_and_not_followed(
    record: Record, tmp_path: Path
) -> None:
    evil = open_signer(tmp_path / "evil")
    forged = sign_change(evil, evil.verifier, "2026-11-23T09:00:00.000000Z")
    claimed = replace(forged, old=record.signer.verifier)
    assert "wrong signature" in forged_change(record, tmp_path / "evil", claimed)


def test_a_change_of_a_key_that_was_not_in_force_is_found(record: Record, tmp_path: Path) -> None:
    evil = open_signer(tmp_path / "evil")
    forged = sign_change(evil, open_signer(tmp_path / "next").verifier, "2026-11-23")
    assert "wrong signature" in forged_change(record, tmp_path / "evil", forged)


def test_a_true_change_sealed_with_another_key_is_found(record: Record, tmp_path: Path) -> None:
    true = sign_change(record.signer, open_signer(tmp_path / "next").verifier, "2026-11-23")
    assert "wrong signature" in forged_change(record, tmp_path / "evil", true)


@pytest.mark.parametrize("sealed", [False, True], ids=["as it is", "chain sealed anew"])
@pytest.mark.parametrize("member", ["new_public_key", "old_public_key", "signature"])
def test_a_key_swapped_in_the_entry_is_found(
    record: Record, tmp_path: Path, member: str, sealed: bool
) -> None:
    rotated(record)
    look(record, 1)
    other = open_signer(tmp_path / "evil").verifier.raw * (2 if member == "signature" else 1)
    with record.store.read() as tx:
        row = tx.execute(select(audit).where(audit.c.action == CHANGED)).one()
    told = str(row.detail[member])
    swapped = base64.b64encode(other).decode()
    tamper(
        record.store,
        f"UPDATE audit SET detail = replace(detail, '{told}', '{swapped}') "
        f"WHERE position = {row.position}",
    )
    if sealed:
        seal_anew(record, lambda _position, _values: None)
    found = checked(record)
    assert kinds(found) >= {"forged key", "rewritten" if sealed else "edited"}
    assert [one.position for one in found.findings if one.kind == "forged key"] == [row.position]


def test_a_change_whose_entry_cannot_be_read_is_found(record: Record) -> None:
    rotated(record)
    tamper(record.store, f"UPDATE audit SET detail = '[[' WHERE action = '{CHANGED}'")
    assert {"forged key", "edited", "wrong signature"} <= kinds(checked(record))


def test_who_has_the_old_key_can_neither_vouch_for_later_rows_nor_rewrite_earlier_ones(
    record: Record, folder: Path
) -> None:
    old = record.signer
    rotated(record)
    look(record, 2)
    last = read_anchor(folder / HEAD_FILE)
    late = old.sign(last.position, last.row_sha256, last.signed_utc)
    found = checked(record, late)
    assert kinds(found) == {"wrong signature"}
    assert "others have the old key" in found.findings[0].words
    with record.store.write() as tx:
        append(tx, [entry("mallory", "plan.approve", "plan")], START, old)
    assert "wrong signature" in kinds(checked(record))
    with pytest.raises(SigningKeyReplacedError):
        look(record, 1)


def test_an_earlier_row_sealed_anew_is_found_by_the_later_key(record: Record) -> None:
    rotated(record)
    seal_anew(record, somebody_else)
    assert "rewritten" in kinds(checked(record))


def test_a_record_cut_back_to_before_the_change_is_not_sound_for_the_new_key(
    record: Record, folder: Path
) -> None:
    kept = rotated(record)
    tamper(
        record.store,
        "DELETE FROM audit WHERE position > 3",
        "DELETE FROM audit_heads WHERE position > 3",
    )
    assert kept == key_in(folder).key_id
    assert "wrong signature" in kinds(checked(record))


def kill_at(event: int, data_dir: Path, url: str) -> bool:
    """Change the key in a process that dies before a touch of a file; return whether it did."""
    child = os.fork()
    if child:
        return bool(os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 9)
    left = event

    def watch(name: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if name not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            return
        if str(args[0]).startswith(str(data_dir)):
            left -= 1
            if left == 0:
                os._exit(9)

    with open_record(data_dir, url) as record:
        sys.addaudithook(watch)
        rotated(record)
    os._exit(0)


def test_a_process_killed_at_any_step_leaves_one_valid_key(
    store_url: str, folder: Path, kind: str
) -> None:
    with open_record(folder, store_url) as record:
        look(record, 1)
        early = hand_out(record, "ann")
    keys, event = [1], 1
    while kill_at(event, folder, store_url):
        with open_record(folder, store_url) as record:
            look(record, 1)
            result = checked(record, early, read_anchor(folder / HEAD_FILE))
        assert result.sound, (event, result.findings)
        assert open_signer(folder).verifier == key_in(folder) == record.signer.verifier
        assert key_in(folder).key_id == result.keys[-1]
        keys.append(len(result.keys))
        event += 1 if kind == "sqlite" else 3
    steps = [after - before for before, after in itertools.pairwise(keys)]
    assert set(steps) == {0, 1}, "some stops came before the commit, some after"
    assert steps == sorted(steps), "before the commit the old key holds, from there the new one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_root_changes_the_key_for_the_account_of_the_service(record: Record, folder: Path) -> None:
    os.chown(folder / KEY_FILE, 12345, 54321)
    before = record.signer.verifier.key_id
    assert rotated(record) != before
    for name in (KEY_FILE, LOCK_FILE):
        owner = (folder / name).stat()
        assert (owner.st_uid, owner.st_gid, owner.st_mode & 0o777) == (12345, 54321, 0o600)


def test_two_programs_do_not_change_the_key_at_once(record: Record, folder: Path) -> None:
    before = record.signer.verifier.key_id
    with key_lock(folder, wait=False), pytest.raises(AuditRefusedError, match="another program"):
        rotated(record)
    assert checked(record).keys == (before,)


def test_a_change_needs_a_reason_and_a_record(
    record: Record, tmp_path: Path, empty_url: str
) -> None:
    with pytest.raises(AuditRefusedError, match="needs a reason"):
        rotate_key(record, by=WHO, reason=" ")
    with (
        open_record(tmp_path / "new", empty_url) as nothing,
        pytest.raises(AuditRefusedError, match="nothing was recorded yet"),
    ):
        rotated(nothing)
    assert len(checked(record).keys) == 1


def cut_back(record: Record, position: int) -> None:
    """Bring the record to where it was at a position, as an older backup does."""
    tamper(
        record.store,
        f"DELETE FROM audit WHERE position > {position}",
        f"DELETE FROM audit_heads WHERE position > {position}",
    )
    (record.data_dir / HEAD_FILE).unlink()


def test_a_record_from_before_two_changes_goes_on_once_they_are_entered_again(
    record: Record, folder: Path, store_url: str
) -> None:
    first, early = key_in(folder), hand_out(record, "ann")
    second, third = rotated(record), rotated(record)
    lost = hand_out(record, "ann")
    cut_back(record, early.position + 1)
    with (
        pytest.raises(EarlierRecordError, match="rotate-key --again"),
        open_record(folder, store_url),
    ):
        pass
    with open_restored(folder, store_url) as restored:
        done = rotate_again(restored, by=WHO, reason="restored")
        with pytest.raises(AuditRefusedError, match="no change is missing"):
            rotate_again(restored, by=WHO, reason="restored")
    assert (done.old_key_id, done.new_key_id) == (first.key_id, third)
    with open_record(folder, store_url, clock=record.clock) as again:
        look(again, 1)
        for key in (first, key_in(folder)):
            result = checked(again, early, key=key)
            assert (result.sound, result.keys) == (True, (first.key_id, second, third))
        assert kinds(checked(again, lost)) <= {"rewritten", "truncated"}
        assert not checked(again, lost).sound


def test_without_the_kept_changes_a_restored_record_is_not_continued(
    record: Record, folder: Path, store_url: str
) -> None:
    rotated(record)
    kept = (folder / CHANGES_FILE).read_bytes()
    cut_back(record, 3)
    for content, words in ((None, "no kept change leads"), (b"{}", "damaged")):
        (folder / CHANGES_FILE).unlink(missing_ok=True)
        if content is not None:
            (folder / CHANGES_FILE).write_bytes(content)
        with (
            open_restored(folder, store_url) as restored,
            pytest.raises(AuditRefusedError, match=words),
        ):
            rotate_again(restored, by=WHO, reason="restored")
    forged = kept.replace(b'"signature": "', b'"signature": "AAAA')
    (folder / CHANGES_FILE).write_bytes(forged)
    with (
        pytest.raises(AuditRefusedError, match="damaged"),
        open_record(folder, store_url),
    ):
        pass
    with record.store.read() as tx:
        assert tx.execute(text("SELECT max(position) FROM audit")).scalar_one() == 3
