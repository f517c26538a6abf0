"""The data of «Северный Проект»: construction supplies and a design bureau, made up from a seed."""
