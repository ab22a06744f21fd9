"""ccxt's addresses, turned to the local server."""

HOSTS = ("https://fapi.binance.com", "https://api.binance.com", "https://dapi.binance.com")


def pointed(value, asked):
    """Every address, at the local server; those of other markets at nothing."""
    if isinstance(value, dict):
        return {name: pointed(inner, asked) for name, inner in value.items()}
    for host in HOSTS:
        if value.startswith(host):
            return asked["http"] + value[len(host):]
    return "http://127.0.0.1:9" if value.startswith("http") else "ws://127.0.0.1:9/ws"


def point(api, asked):
    """All addresses of a client of ccxt or ccxt.pro, which puts the route before /ws."""
    api.urls["api"] = pointed(api.urls["api"], asked)
    if "ws" in api.urls["api"]:
        api.urls["api"]["ws"]["linear"] = asked["ws"] + "/ws"
    return api
