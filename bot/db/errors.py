"""What the database can refuse, as one tree.

::

    DatabaseFault
    ├── DatabaseUnavailable    disk full, locked or unreadable for the moment: try again later
    │   ├── DatabaseDamaged    damage that shows while the bot runs: the operator has to restore a backup
    │   └── DatabaseMoved      the file is not where it was: what is written now would be lost with the process
    ├── DatabaseClosed         asked after `close()`
    ├── WriteInRead            a transaction given to `read` tried to write: a bug
    └── DatabaseUnusable       the bot cannot start with this file
        ├── DatabaseInUse      another process owns it
        ├── DatabaseBroken     damaged, or made by another program
        ├── DatabaseMissing    not there, for who only looks into it
        ├── DatabaseLost       not there, although there was one
        ├── ClocksDiffer       this machine's clock is not the one of the others
        ├── MovedAway          its installation lives in another one now
        ├── SchemaTooNew       made by a newer Kinora
        ├── SchemaTooOld       made by an older one, for who only looks into it
        └── MigrationFault     the migration files are wrong, were changed, or one failed

A class's docstring is its default message. Errors that mean a mistake in a statement
(`IntegrityError` of sqlite3 or psycopg, bad SQL) are not translated.
"""

from bot.domain.errors import KinoraError


class DatabaseFault(KinoraError):
    """The database could not do this."""


class DatabaseUnavailable(DatabaseFault):
    """The database cannot be reached right now, so nothing was confirmed; please try again in a moment."""


class DatabaseDamaged(DatabaseUnavailable):
    """The database file is damaged, so nothing was confirmed; stop the bot and restore a backup."""


class DatabaseMoved(DatabaseUnavailable):
    """The database file was deleted or replaced while the bot runs, so nothing was confirmed; stop the bot and put it back."""


class DatabaseClosed(DatabaseFault):
    """The database is closed because the bot is stopping."""


class WriteInRead(DatabaseFault):
    """A read may not write; use write() for this transaction."""


class DatabaseUnusable(DatabaseFault):
    """The bot cannot start with this database."""


class DatabaseInUse(DatabaseUnusable):
    """Another Kinora is running with this DATA_DIR; stop it first, or give this one a folder of its own."""


class DatabaseBroken(DatabaseUnusable):
    """The database file is damaged or not Kinora's; restore a backup or move the file away."""


class DatabaseMissing(DatabaseUnusable):
    """There is no database there yet; the bot makes it when it first runs."""


class DatabaseLost(DatabaseUnusable):
    """The database is gone, while files of its jobs are left; put it or a backup back, or move those away to begin anew."""


class MovedAway(DatabaseUnusable):
    """This database was moved to PostgreSQL; set DATABASE_URL to where it is now (docs/operation.md)."""


class ClocksDiffer(DatabaseUnusable):
    """The clocks of this machine and of the database differ; have both kept by NTP."""


class SchemaTooNew(DatabaseUnusable):
    """The database was made by a newer Kinora; update the bot, or restore the backup made before the update."""


class SchemaTooOld(DatabaseUnusable):
    """The database was made by an older Kinora; start the bot, or run `python -m bot migrate`, to bring it up to date."""


class MigrationFault(DatabaseUnusable):
    """The database could not be brought up to date; nothing of the failed step was kept."""
