"""When and where: the build, the Prefect flow, the command line, and the recipes that ship."""
