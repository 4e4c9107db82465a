"""How good a trained tag is: backtests, grades, main drivers, and the promise held against random audiences."""
