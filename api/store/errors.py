"""How the store refuses or fails: each class says whether anything can have been written."""

from __future__ import annotations

from hotspots.errors import InputRefusedError


class StoreRefusedError(InputRefusedError):
    """The store cannot be used as asked; nothing was written."""


class UnknownDatabaseError(StoreRefusedError):
    """The address names no database this product can use, or one that is not there."""


class NewerSchemaError(StoreRefusedError):
    """The database was written by a later version of the product."""


class OlderSchemaError(StoreRefusedError):
    """The database must be upgraded before it is used."""


class CorruptStoreError(StoreRefusedError):
    """The file is damaged, or is no database at all."""


class RecordRefusedError(StoreRefusedError):
    """A record breaks a rule of the schema; its transaction was undone."""


class UnknownRecordError(StoreRefusedError):
    """No record has the identifier."""


class StaleRecordError(StoreRefusedError):
    """The record was changed by somebody else since it was read."""


class StoreUnavailableError(StoreRefusedError):
    """The database did not take the transaction; all of it was undone. Worth trying again."""


class StorageFullError(StoreUnavailableError):
    """No space is left where the database lies."""


class StorageReadOnlyError(StoreUnavailableError):
    """The database may be read but not written."""


class StoreLockedError(StoreUnavailableError):
    """Another writer held the store for longer than the time allowed."""


class OutcomeUnknownError(StoreUnavailableError):
    """The connection broke during commit: read the record back before trying again."""


class BackupRefusedError(StoreRefusedError):
    """A backup cannot be made, is not sound, or cannot be restored there."""
