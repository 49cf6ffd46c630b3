"""Whether database and Redis can be reached, and if not, why, in a sentence.

The client libraries are imported inside the functions: most commands never need them.
"""

from urllib.parse import urlsplit


def database_problem(url: str, *, create: bool = False, timeout_s: int = 5) -> str:
    """Empty when the database answers. With `create`, a missing database is made."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=timeout_s, autocommit=True) as connection:
            number = connection.info.server_version
    except psycopg.OperationalError as exc:
        if create and "does not exist" in str(exc) and "database" in str(exc):
            return _create_database(url, timeout_s)
        return (
            f"Cannot use the database at {without_password(url)}: {_first_line(exc)}. Check "
            "DATABASE_URL, or unset it to let DjinnBot start its own PostgreSQL."
        )
    except psycopg.Error as exc:
        return f"DATABASE_URL is not valid: {_first_line(exc)}."
    if number < 140000:
        return (
            f"The database at {without_password(url)} is PostgreSQL {number // 10000}; DjinnBot "
            "needs 14 or newer."
        )
    return ""


def _create_database(url: str, timeout_s: int) -> str:
    import psycopg
    from psycopg import conninfo, sql

    name = str(conninfo.conninfo_to_dict(url).get("dbname") or "")
    server = conninfo.make_conninfo(url, dbname="postgres")
    try:
        with psycopg.connect(server, connect_timeout=timeout_s, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.errors.DuplicateDatabase:
        return ""
    except psycopg.Error as exc:
        return (
            f"The database {name} does not exist at {without_password(url)} and cannot be "
            f"created: {_first_line(exc)}. Create it, then start again."
        )
    return ""


def redis_problem(url: str, timeout_s: int = 5) -> str:
    """Empty when Redis answers and this platform may use it."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    once = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=timeout_s, socket_timeout=timeout_s, retry=once
        ) as client:
            client.ping()
    except redis.AuthenticationError:
        return f"Redis at {without_password(url)} refused the password in REDIS_URL."
    except (redis.RedisError, OSError, ValueError) as exc:
        return (
            f"Cannot use Redis at {without_password(url)}: {_first_line(exc)}. Check REDIS_URL, "
            "or unset it to let DjinnBot start its own."
        )
    return ""


def without_password(url: str) -> str:
    """The address as it may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}:***@{host}").geturl()


def _first_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0].rstrip(".")
